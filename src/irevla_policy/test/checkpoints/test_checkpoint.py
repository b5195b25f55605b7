# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
from hashlib import sha256
import json
import os
import shutil

from families_in_prompt import save_blip2
import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from small_families import family_vla
from small_models import observation, tiny_vla
import torch

from irevla_control.checks.durability import durable_replaces
from irevla_policy.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from irevla_policy.checkpoints.files import FILES, CheckpointError, read_manifest
from irevla_policy.model.tensors import trained_parameters


@pytest.fixture(scope='module')
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp('saved') / 'policy'
    save_checkpoint(folder, tiny_vla(), {'step': 7, 'task': 'öffnen'})
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / 'policy')


def edit_json(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def sign(folder):
    """Write the hashes of the files to the manifest, as a user who mixes checkpoints might."""
    edit_json(
        folder / 'manifest.json',
        files={name: sha256((folder / name).read_bytes()).hexdigest() for name in FILES},
    )


def same_actions(one, two):
    images, state = observation(one)
    for instruction in ('press', 'open the drawer', 'something new'):
        first, second = (vla.step(images, state, instruction) for vla in (one, two))
        np.testing.assert_array_equal(first.action, second.action)
        np.testing.assert_array_equal(first.latent, second.latent)
    return True


def test_a_loaded_policy_is_exactly_the_saved_one(saved):
    loaded = load_checkpoint(saved)
    assert same_actions(tiny_vla(), loaded)
    assert loaded.backbone_hash == tiny_vla().backbone_hash
    assert loaded.config == tiny_vla().config
    assert not loaded.training


def test_manifest_has_extra_data_and_backbone_hash(saved):
    manifest = read_manifest(saved)
    assert manifest['extra'] == {'step': 7, 'task': 'öffnen'}
    assert manifest['backbone_hash'] == tiny_vla().backbone_hash


def test_the_folder_contains_only_safetensors_and_json(saved):
    assert {path.suffix for path in saved.iterdir()} == {'.json', '.safetensors'}
    assert {path.name for path in saved.iterdir()} == {*FILES, 'manifest.json'}


def test_whoever_may_list_the_folder_may_read_its_files(tmp_path):
    """As a robot's user, or a colleague, who runs what another user trained."""
    before = os.umask(0o022)
    try:
        save_checkpoint(tmp_path / 'policy', tiny_vla())
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / 'policy').iterdir()}
    assert set(modes.values()) == {0o644}, modes


def test_reference_views_are_loaded_unchanged_and_a_damaged_one_is_refused(tmp_path):
    vla, random = tiny_vla(), np.random.default_rng(0)
    vla.views = {
        name: random.integers(0, 256, (24, 24, 4), np.uint8) for name in ('front', 'wrist_2')
    }
    save_checkpoint(tmp_path / 'policy', vla)
    assert {path.name for path in (tmp_path / 'policy').iterdir()} - {*FILES, 'manifest.json'} == {
        'view_front.png',
        'view_wrist_2.png',
    }
    views = load_checkpoint(tmp_path / 'policy').views
    assert set(views) == set(vla.views)
    for name, view in vla.views.items():
        np.testing.assert_array_equal(views[name], view)
    for content in (b'', b'no picture'):
        (tmp_path / 'policy' / 'view_front.png').write_bytes(content)
        with pytest.raises(CheckpointError, match='view_front.png cannot be read'):
            load_checkpoint(tmp_path / 'policy')


def test_a_checkpoint_without_views_is_loaded(saved):
    assert load_checkpoint(saved).views == {}


def test_loading_leaves_the_random_state_unchanged(saved):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_checkpoint(saved)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize('name', [*FILES, 'manifest.json'])
@pytest.mark.parametrize('damage', ['missing', 'truncated', 'empty', 'altered', 'folder'])
def test_damaged_file_is_refused_by_name(folder, name, damage):
    path = folder / name
    content = path.read_bytes()
    path.unlink()
    if damage == 'truncated':
        path.write_bytes(content[: len(content) // 2])
    elif damage == 'empty':
        path.touch()
    elif damage == 'altered':
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    elif damage == 'folder':
        path.mkdir()
    if name == 'manifest.json' and damage == 'altered':
        path.write_bytes(content.replace(b'"files"', b'"filez"'))
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(folder)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'format': 'something else'}, 'has format'),
        ({'version': 2}, 'has version 2'),
        ({'files': {}}, 'incomplete'),
        ({'files': {'../../etc/passwd': ''}}, 'incomplete'),
        ({'backbone_hash': None}, 'incomplete'),
        ({'backbone_hash': '0' * 64}, 'another backbone'),
    ],
)
def test_an_invalid_manifest_is_refused(folder, changes, message):
    edit_json(folder / 'manifest.json', **changes)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(folder)


def test_folder_that_is_no_checkpoint_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / 'nothing', '', '/'):
        with pytest.raises(CheckpointError, match=r'manifest.json is missing'):
            load_checkpoint(path)
    (tmp_path / 'manifest.json').write_text('[1]')
    with pytest.raises(CheckpointError, match='no mapping'):
        load_checkpoint(tmp_path)


def reshape(folder, file, name):
    state = load_file(folder / file)
    state[name] = torch.zeros(3, 3)
    save_file(state, folder / file)


def drop(folder, file, name):
    state = load_file(folder / file)
    del state[name]
    save_file(state, folder / file)


def add(folder, file, name):
    save_file(load_file(folder / file) | {name: torch.zeros(1)}, folder / file)


@pytest.mark.parametrize(
    ('mix', 'message'),
    [
        (
            lambda folder: reshape(folder, 'head.safetensors', 'mlp.0.weight'),
            r'head.safetensors: mlp.0.weight has shape \(3, 3\)',
        ),
        (lambda folder: reshape(folder, 'backbone.safetensors', 'query_tokens'), 'query_tokens'),
        (lambda folder: drop(folder, 'head.safetensors', 'mlp.0.bias'), 'mlp.0.bias'),
        (lambda folder: add(folder, 'backbone.safetensors', 'more'), "'more'"),
        (lambda folder: (folder / 'head.safetensors').write_bytes(b'\x80\x04K\x01.'), 'head.safe'),
        (lambda folder: edit_json(folder / 'config.json', image_size=36), 'backbone.safetensors'),
        (
            lambda folder: edit_json(folder / 'config.json', image_size=35),
            'multiple of tiny.patch',
        ),
        (lambda folder: edit_json(folder / 'config.json', more=1), 'unknown key more'),
        (
            lambda folder: edit_json(folder / 'config.json', head={'hidden': [9]}),
            'head.safetensors',
        ),
        (lambda folder: edit_json(folder / 'statistics.json', state_std=[1] * 3), 'state_std'),
        (lambda folder: edit_json(folder / 'statistics.json', state_std=[0] * 10), 'mlp.0.weight'),
        (lambda folder: (folder / 'tokenizer.json').write_text('{"model": 1}'), 'tokenizer'),
    ],
)
def test_inconsistent_files_are_refused(folder, mix, message):
    mix(folder)
    sign(folder)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(folder)


def test_backbone_of_another_checkpoint_is_refused(folder, tmp_path):
    save_checkpoint(tmp_path / 'other', tiny_vla(seed=4))
    shutil.copy(tmp_path / 'other' / 'backbone.safetensors', folder)
    sign(folder)
    with pytest.raises(CheckpointError, match='another backbone'):
        load_checkpoint(folder)


def test_saving_again_replaces_the_checkpoint_and_leaves_no_other_file(tmp_path):
    for step, seed in ((1, 0), (2, 2)):
        with durable_replaces(tmp_path / 'policy'):
            save_checkpoint(tmp_path / 'policy', tiny_vla(seed=seed), {'step': step})
    assert read_manifest(tmp_path / 'policy')['extra'] == {'step': 2}
    assert same_actions(load_checkpoint(tmp_path / 'policy'), tiny_vla(seed=2))
    assert [path.name for path in tmp_path.iterdir()] == ['policy']


def test_failure_while_saving_keeps_the_old_checkpoint(tmp_path):
    save_checkpoint(tmp_path / 'policy', tiny_vla(), {'step': 1})
    with pytest.raises(CheckpointError, match='cannot be written'):
        save_checkpoint(tmp_path / 'policy', tiny_vla(seed=2), {'step': torch.zeros(1)})
    assert read_manifest(tmp_path / 'policy')['extra'] == {'step': 1}
    assert same_actions(load_checkpoint(tmp_path / 'policy'), tiny_vla())
    assert [path.name for path in tmp_path.iterdir()] == ['policy']


def test_a_writer_killed_between_two_renames_is_reported(folder):
    folder.rename(folder.with_name('policy.previous'))
    with pytest.raises(CheckpointError, match='its writer was killed: rename .*policy.previous'):
        read_manifest(folder)


@pytest.mark.skipif(not os.access('/proc', os.F_OK), reason='needs a read-only folder')
def test_folder_that_cannot_be_written_is_refused():
    with pytest.raises(CheckpointError, match='/proc/policy cannot be written'):
        save_checkpoint('/proc/policy', tiny_vla())


def test_a_policy_with_adapters_stores_only_adapters_and_head(tmp_path):
    vla = family_vla(tmp_path / 'source', 'blip2')
    with torch.no_grad():
        for weight in trained_parameters(vla).values():
            weight.add_(torch.randn_like(weight) * 0.1)
    save_checkpoint(tmp_path / 'policy', vla)
    stored = load_file(tmp_path / 'policy' / 'backbone.safetensors')
    assert stored
    assert all('.lora_' in name for name in stored)
    assert same_actions(load_checkpoint(tmp_path / 'policy'), vla)


@pytest.mark.parametrize('probed', [False, True])
def test_adapters_on_a_source_that_changed_are_refused(tmp_path, probed):
    vla = family_vla(tmp_path / 'source', 'blip2')
    if probed:
        vla.probe()
    save_checkpoint(tmp_path / 'policy', vla)
    save_blip2(tmp_path / 'source', seed=2)
    with pytest.raises(CheckpointError, match='another backbone') as caught:
        load_checkpoint(tmp_path / 'policy')
    assert (
        'or it is of irevla 0.1, whose latents of this family were wrong: train again'
        in str(caught.value)
    ) != probed


def other_mean(source):
    path = source / 'processor_config.json'
    data = json.loads(path.read_text())
    data['image_processor']['image_mean'] = [0.1, 0.2, 0.3]
    path.write_text(json.dumps(data))


def other_words(source):
    path = source / 'tokenizer.json'
    data = json.loads(path.read_text())
    words = data['model']['vocab']
    words['a'], words['b'] = words['b'], words['a']
    path.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ('family', 'change'), [('idefics3-tiles', other_mean), ('blip2', other_words)]
)
def test_adapters_on_other_preprocessing_are_refused(tmp_path, family, change):
    save_checkpoint(tmp_path / 'policy', family_vla(tmp_path / 'source', family))
    change(tmp_path / 'source')
    with pytest.raises(CheckpointError, match='another backbone'):
        load_checkpoint(tmp_path / 'policy')


def test_adapters_without_their_source_are_refused(tmp_path):
    save_checkpoint(tmp_path / 'policy', family_vla(tmp_path / 'source', 'blip2'))
    shutil.rmtree(tmp_path / 'source')
    with pytest.raises(CheckpointError, match='cannot be loaded'):
        load_checkpoint(tmp_path / 'policy')


def test_a_trained_source_is_stored_whole(tmp_path):
    vla = family_vla(tmp_path / 'source', 'blip2', train='all', lora=None)
    with torch.no_grad():
        vla.backbone.model.query_tokens.add_(1)
    save_checkpoint(tmp_path / 'policy', vla)
    assert same_actions(load_checkpoint(tmp_path / 'policy'), vla)
