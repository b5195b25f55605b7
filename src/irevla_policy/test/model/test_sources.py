# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Model folders that are damaged, or whose weights do not match their configuration."""

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file
from small_families import FAMILIES, family_vla
import torch

from irevla_control.errors import ConfigError
from irevla_policy.model import vlm
from irevla_policy.model.config import LoraConfig

POINTER = 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 123456\n'


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    return FAMILIES['blip2'].save(tmp_path_factory.mktemp('source') / 'blip2')


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / 'blip2')


def refusal(folder, **changes):
    with pytest.raises(ConfigError) as caught:
        family_vla(folder, 'blip2', **changes)
    line = str(caught.value)
    assert '\n' not in line
    return line


@pytest.mark.parametrize(
    'name', ['model.safetensors', 'tokenizer.json', 'config.json', 'processor_config.json']
)
def test_a_git_lfs_pointer_is_refused(folder, name):
    (folder / name).write_text(POINTER)
    assert (
        f'{folder / name} is a Git LFS pointer, not the file itself; run "git lfs pull"'
        in refusal(folder)
    )


@pytest.mark.parametrize(
    'name', ['model.safetensors', 'tokenizer.json', 'config.json', 'processor_config.json']
)
@pytest.mark.parametrize('share', [0, 0.5])
def test_a_truncated_file_is_refused(folder, name, share):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(share * len(content))])
    line = refusal(folder)
    assert f'{folder / name}' in line
    assert 'is cut off' in line and 'copy the file again' in line


def test_a_missing_or_damaged_shard_is_refused(folder):
    tensors = load_file(folder / 'model.safetensors')
    (folder / 'model.safetensors').unlink()
    shards = {
        f'model-{index}.safetensors': dict(list(tensors.items())[index::2]) for index in (0, 1)
    }
    for name, part in shards.items():
        save_file(part, folder / name, {'format': 'pt'})
    (folder / 'model.safetensors.index.json').write_text(
        json.dumps(
            {
                'metadata': {},
                'weight_map': {key: name for name, part in shards.items() for key in part},
            }
        )
    )
    family_vla(folder, 'blip2').probe()
    (folder / 'model-1.safetensors').write_text(POINTER)
    assert 'model-1.safetensors is a Git LFS pointer' in refusal(folder)
    (folder / 'model-1.safetensors').unlink()
    assert 'model-1.safetensors is missing' in refusal(folder)


@pytest.mark.parametrize(
    'index',
    [
        {'weight_map': {'a': 1}},
        {'weight_map': {'a': ['x']}},
        {'weight_map': {'a': ''}},
        {'weight_map': []},
        {},
        [],
        None,
    ],
)
def test_an_index_without_files_is_refused(folder, index):
    (folder / 'model.safetensors').unlink()
    path = folder / 'model.safetensors.index.json'
    path.write_text(json.dumps(index))
    line = refusal(folder)
    assert str(path) in line and 'copy the file again' in line


def test_a_folder_in_place_of_weights_is_refused(folder):
    (folder / 'model.safetensors').unlink()
    (folder / 'model.safetensors').mkdir()
    line = refusal(folder)
    assert f'{folder / "model.safetensors"} is a folder' in line
    assert 'index.json' not in line


@pytest.mark.parametrize(
    'name', ['config.json', 'processor_config.json', 'tokenizer.json', 'tokenizer_config.json']
)
@pytest.mark.parametrize('value', [[], None])
def test_a_configuration_that_is_no_object_is_refused(folder, name, value):
    (folder / name).write_text(json.dumps(value))
    assert f'{folder / name} contains no object' in refusal(folder)


@pytest.mark.parametrize(
    ('family', 'key'), [('instructblip', 'num_query_tokens'), ('llava', 'patch_size')]
)
def test_a_processor_without_a_setting_is_refused(tmp_path, family, key):
    folder = FAMILIES[family].save(tmp_path / family)
    path = folder / 'processor_config.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: None}))
    with pytest.raises(ConfigError, match='processor_config.json') as caught:
        family_vla(folder, family).probe()
    assert '\n' not in str(caught.value)


def test_each_folder_is_checked_once(folder, monkeypatch):
    checked = []
    monkeypatch.setattr(vlm, 'check_files', checked.append)
    family_vla(folder, 'blip2')
    assert checked == [str(folder)]


def change_weights(folder, change):
    tensors = load_file(folder / 'model.safetensors')
    change(tensors)
    save_file(tensors, folder / 'model.safetensors', {'format': 'pt'})


def test_missing_weights_are_refused(folder):
    change_weights(folder, lambda tensors: tensors.pop('language_projection.weight'))
    line = refusal(folder)
    assert '1 weights are missing: language_projection.weight;' in line
    assert 'weights and config.json of one and the same model' in line


def test_weights_with_other_names_are_refused(folder):
    def rename(tensors):
        for name in [name for name in tensors if 'vision_model.encoder' in name]:
            tensors[name.replace('encoder', 'coder')] = tensors.pop(name)

    change_weights(folder, rename)
    line = refusal(folder)
    assert 'weights are missing: vision_model.encoder.' in line
    assert 'are there that the model does not have: vision_model.coder.' in line


def test_weights_of_another_shape_are_refused(folder):
    change_weights(folder, lambda tensors: tensors.update(query_tokens=torch.zeros(1, 4, 16)))
    assert (
        '1 weights have another shape than config.json says: query_tokens (1, 4, 16) instead '
        'of (1, 3, 16)'
    ) in refusal(folder)


def test_a_wrong_patch_size_of_the_model_is_refused(folder):
    config = json.loads((folder / 'config.json').read_text())
    config['vision_config']['patch_size'] = 7
    (folder / 'config.json').write_text(json.dumps(config))
    assert 'another shape than config.json says: vision_model.embeddings' in refusal(folder)


def test_a_configuration_that_builds_no_model_is_refused(folder):
    config = json.loads((folder / 'config.json').read_text())
    config['vision_config']['hidden_size'] = 0
    (folder / 'config.json').write_text(json.dumps(config))
    assert f'{str(folder)!r} cannot be loaded' in refusal(folder)


def test_a_missing_vocabulary_layer_is_accepted(tmp_path):
    """The latent does not depend on the vocabulary layer, which is replaced."""
    folder = FAMILIES['llava'].save(tmp_path / 'llava')
    images, words = torch.zeros(1, 1, 40, 40, 3, dtype=torch.uint8), ['go']
    before = family_vla(folder, 'llava').encode(images, words)
    change_weights(
        folder,
        lambda tensors: next(
            tensors.pop(name) for name in list(tensors) if name.endswith('lm_head.weight')
        ),
    )
    torch.testing.assert_close(family_vla(folder, 'llava').encode(images, words), before)


def test_an_adapter_target_that_matches_no_module_is_refused(whole):
    line = refusal(whole, lora=LoraConfig(targets=('q_proj', 'q_projection')))
    assert "lora.targets names 'q_projection', which matches no module" in line
    assert 'v_proj' in line
