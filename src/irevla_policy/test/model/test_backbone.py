# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
import copy

import pytest
from small_families import PIXEL_FAMILIES, family_vla
from small_models import INSTRUCTIONS, batch, observation, tiny_config, tiny_vla
import torch

from irevla_control.errors import ConfigError
from irevla_policy.model.tensors import trained_parameters

KINDS = ('tiny', *PIXEL_FAMILIES)


@pytest.fixture(scope='module', params=KINDS)
def vla(request, tmp_path_factory):
    if request.param == 'tiny':
        return tiny_vla()
    return family_vla(tmp_path_factory.mktemp('sources') / request.param, request.param)


@torch.no_grad()
def test_latent_has_the_tokens_of_all_cameras(vla):
    images, _, _ = batch(vla, 2)
    both = vla.encode(images, ['press'] * 2)
    one = vla.encode(images[:, 1:], ['press'] * 2)
    assert both.shape == (2, 2 * one.shape[1], vla.backbone.width)
    torch.testing.assert_close(both[:, one.shape[1] :], one)


def test_state_dict_versions_are_those_of_torch(vla):
    versions = {name: about['version'] for name, about in vla.state_dict()._metadata.items()}
    assert versions['backbone'] == torch.nn.Module._version


@torch.no_grad()
def test_padding_changes_nothing(vla):
    images, instructions, states = batch(vla, 3)
    together = vla(images, instructions, states)
    for index, instruction in enumerate(instructions):
        rows = slice(index, index + 1)
        alone = vla(images[rows], [instruction], states[rows])
        torch.testing.assert_close(together[rows], alone, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_latent_depends_on_image_and_instruction(vla):
    images, _, _ = batch(vla, 1)
    latent = vla.encode(images, ['press the drawer'])
    assert not torch.allclose(vla.encode(255 - images, ['press the drawer']), latent, atol=1e-4)
    assert not torch.allclose(vla.encode(images, ['press the window']), latent, atol=1e-4)


@torch.no_grad()
def test_latent_is_a_hidden_state_not_word_scores(vla):
    images, instructions, _ = batch(vla, 1)
    assert vla.encode(images, instructions).shape[-1] == vla.backbone.width
    assert vla.backbone.width < vla.backbone.model.get_input_embeddings().num_embeddings


@pytest.mark.parametrize('instruction', ['', '  ', 'open ' * 40])
def test_instruction_that_is_empty_or_too_long_is_refused(vla, instruction):
    images, _, _ = batch(vla, 1)
    with pytest.raises(ConfigError, match='instruction'):
        vla.encode(images, [instruction])


@torch.no_grad()
def test_compiled_backbone_gives_the_same_latent(vla):
    images, _, _ = batch(vla, 4)
    compiled = copy.deepcopy(vla)
    compiled.compile_for_inference()
    for index, words in enumerate((0, 2, 0, 2)):
        image, instruction = images[index : index + 1], INSTRUCTIONS[words]
        torch.testing.assert_close(
            compiled.encode(image, [instruction]),
            vla.encode(image, [instruction]),
            atol=1e-5,
            rtol=1e-4,
        )


@torch.no_grad()
def test_compiled_backbone_follows_its_weights():
    vla = tiny_vla()
    images, instructions, _ = batch(vla, 1)
    vla.compile_for_inference()
    before = vla.encode(images, instructions)
    vla.backbone.model.language_projection.weight.mul_(2)
    after = vla.encode(images, instructions)
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, tiny_copy(vla).encode(images, instructions))


def tiny_copy(vla):
    other = tiny_vla(seed=9)
    other.load_state_dict(vla.state_dict())
    return other


def test_hash_depends_on_the_backbone_s_content_only():
    vla = tiny_vla()
    assert tiny_vla().backbone_hash == vla.backbone_hash
    assert tiny_copy(vla).backbone_hash == vla.backbone_hash
    assert tiny_vla(seed=1).backbone_hash != vla.backbone_hash
    with torch.no_grad():
        vla.head.mlp[0].weight.add_(1)
    assert tiny_vla().backbone_hash == vla.backbone_hash


def test_hash_of_a_source_does_not_depend_on_its_folder(tmp_path):
    one = family_vla(tmp_path / 'one', 'blip2')
    assert family_vla(tmp_path / 'two', 'blip2').backbone_hash == one.backbone_hash


@pytest.mark.parametrize(
    'change',
    [
        lambda model: model.query_tokens.mul_(1.001),
        lambda model: model.language_projection.bias[0].add_(1e-3),
        lambda model: model.vision_model.embeddings.patch_embedding[0].weight.zero_(),
        lambda model: model.load_state_dict(tiny_vla(seed=5).backbone.model.state_dict()),
    ],
    ids=('scaled', 'one number', 'zeroed', 'loaded'),
)
def test_hash_changes_with_the_weights(change):
    vla = tiny_vla()
    before = vla.backbone_hash
    with torch.no_grad():
        change(vla.backbone.model)
    assert vla.backbone_hash != before


@pytest.mark.parametrize(
    'options', [{'fused': True}, {'foreach': True}, {'foreach': False}], ids=str
)
def test_hash_and_compiled_backbone_change_with_steps_of_an_optimizer(options):
    vla = tiny_vla()
    vla.compile_for_inference()
    images, state = observation(vla)
    before = vla.backbone_hash, vla.step(images, state, 'press').latent
    vla(*batch(vla)).square().sum().backward()
    torch.optim.AdamW(trained_parameters(vla).values(), 0.1, **options).step()
    assert vla.backbone_hash != before[0]
    assert (vla.step(images, state, 'press').latent != before[1]).any()


def test_hash_changes_with_adapters_and_is_restored_with_them(tmp_path):
    vla = family_vla(tmp_path / 'source', 'blip2')
    before = vla.backbone_hash
    adapter = next(iter(trained_parameters(vla.backbone).values()))
    kept = adapter.detach().clone()
    with torch.no_grad():
        adapter.add_(1)
        assert vla.backbone_hash != before
        adapter.copy_(kept)
    assert vla.backbone_hash == before


def test_hash_changes_with_preprocessing():
    assert tiny_vla(image_size=36).backbone_hash != tiny_vla().backbone_hash


def test_hash_changes_with_the_words_of_the_tokenizer():
    from irevla_policy.model.backbone import Backbone

    config = tiny_config().backbone
    hashes = []
    for word in ('open', 'shut'):
        torch.manual_seed(0)
        hashes.append(Backbone(config, 24, [word]).hash())
    assert hashes[0] != hashes[1]


def test_frozen_backbone_gets_no_gradient_until_unfrozen():
    vla = tiny_vla()
    vla.backbone.freeze()
    vla.train()
    assert not vla.backbone.training
    assert vla.head.training
    vla(*batch(vla)).sum().backward()
    assert all(weight.grad is None for weight in vla.backbone.parameters())
    assert all(weight.grad is not None for weight in vla.head.parameters())
    vla.backbone.unfreeze()
    vla.train()
    assert vla.backbone.training
    vla(*batch(vla)).sum().backward()
    assert all(weight.grad is not None for weight in vla.backbone.parameters())
