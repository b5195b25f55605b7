# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
from families_in_prompt import save_blip2
import numpy as np
import pytest
from small_families import PIXEL_FAMILIES, family_vla
from small_models import batch, observation
import torch
from transformers import AutoProcessor, Blip2ForConditionalGeneration

from irevla_control.errors import ConfigError
from irevla_policy.model.preprocessing import TensorPixels
from irevla_policy.model.pretrained import ProcessorPixels
from irevla_policy.model.tensors import trained_parameters


@pytest.fixture(scope='module')
def sources(tmp_path_factory):
    return tmp_path_factory.mktemp('sources')


@pytest.mark.parametrize('family', PIXEL_FAMILIES)
def test_only_adapters_and_head_get_gradients(sources, family):
    vla = family_vla(sources / family, family).train()
    vla(*batch(vla)).square().sum().backward()
    with_gradient = {name for name, weight in vla.named_parameters() if weight.grad is not None}
    expected = {
        name for name, _ in vla.named_parameters() if '.lora_' in name or name.startswith('head.')
    }
    assert with_gradient == expected
    assert expected == {name for name, weight in vla.named_parameters() if weight.requires_grad}
    assert any('.lora_' in name for name in expected)


@pytest.mark.parametrize('family', PIXEL_FAMILIES)
def test_adapters_alone_change_the_latent_when_trained(sources, family):
    vla = family_vla(sources / family, family).train()
    images, instructions, _ = batch(vla)
    before = vla.encode(images, instructions).detach()
    kept = {
        name: weight.clone() for name, weight in vla.named_parameters() if not weight.requires_grad
    }
    optimizer = torch.optim.SGD(trained_parameters(vla.backbone).values(), 0.1)
    for _ in range(2):
        optimizer.zero_grad()
        (vla.encode(images, instructions) - 1).square().sum().backward()
        optimizer.step()
    assert not torch.allclose(vla.encode(images, instructions), before, atol=1e-4)
    parameters = dict(vla.named_parameters())
    assert all(torch.equal(parameters[name], weight) for name, weight in kept.items())


@pytest.mark.parametrize(
    ('family', 'kind'),
    [('blip2', TensorPixels), ('idefics3', TensorPixels), ('idefics3-tiles', ProcessorPixels)],
)
def test_pixels_equal_those_of_the_processor(sources, family, kind):
    vla = family_vla(sources / family, family)
    assert isinstance(vla.backbone.pixels, kind)
    config = vla.config.backbone
    ramp = np.linspace(0, 255, 40)
    image = np.stack(
        (ramp[:, None] + 0 * ramp, 0 * ramp[:, None] + ramp, 255 - ramp[:, None] + 0 * ramp), -1
    ).astype(np.uint8)
    expected = AutoProcessor.from_pretrained(config.source)(
        images=[image],
        text=[config.prompt.format(instruction='go')],
        return_tensors='pt',
        **config.processor,
    )
    result = vla.backbone.pixels(torch.from_numpy(image).unsqueeze(0))
    assert result['pixel_values'].shape == expected['pixel_values'].shape
    difference = (result['pixel_values'] - expected['pixel_values']).abs()
    assert difference.mean() < 0.02
    assert difference.max() < 0.15


@torch.no_grad()
def test_latent_is_the_last_hidden_state_of_the_whole_model(sources):
    vla = family_vla(sources / 'blip2', 'blip2')
    images, instructions, _ = batch(vla, 1)
    model = Blip2ForConditionalGeneration.from_pretrained(sources / 'blip2').eval()
    inputs = vla.backbone.prompts(instructions)
    for camera in (0, 1):
        pixels = vla.backbone.pixels(images[:, camera])
        whole = model(**pixels, **inputs, output_hidden_states=True)
        tokens = inputs['input_ids'].shape[1]
        torch.testing.assert_close(
            vla.encode(images, instructions)[:, camera * tokens : (camera + 1) * tokens],
            whole.language_model_outputs.hidden_states[-1],
            atol=1e-5,
            rtol=1e-5,
        )


def test_half_precision_backbone_has_full_precision_adapters_and_head(sources):
    vla = family_vla(sources / 'blip2', 'blip2', dtype='bfloat16').train()
    assert {weight.dtype for weight in trained_parameters(vla).values()} == {torch.float32}
    assert (
        vla.backbone.model.language_model.model.decoder.embed_tokens.weight.dtype == torch.bfloat16
    )
    vla(*batch(vla)).square().sum().backward()
    images, state = observation(vla)
    assert np.isfinite(vla.step(images, state, 'press').action).all()


def test_all_weights_of_a_source_can_be_trained(sources):
    vla = family_vla(sources / 'blip2', 'blip2', train='all', lora=None).train()
    vla(*batch(vla)).square().sum().backward()
    assert all(weight.grad is not None for weight in vla.parameters())


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'source': '/nowhere/model'}, 'cannot be loaded'),
        ({'prompt': '<image> <image>{instruction}'}, 'backbone.prompt'),
        ({'processor': {'do_image_splitting': 5, 'size': 3}}, 'backbone.processor'),
        (
            {'processor': {'do_image_spliting': False}},
            'names .do_image_spliting., which .* does not know; did you mean do_image_splitting',
        ),
        ({'processor': {'xyz': False}}, 'names .xyz., .*; leave it out'),
    ],
)
def test_an_unusable_source_is_refused(sources, changes, message):
    family_vla(sources / 'idefics3', 'idefics3')
    with pytest.raises(ConfigError, match=message):
        family_vla(sources / 'idefics3', 'idefics3', **changes)


def test_adapters_for_missing_modules_are_refused(sources):
    from irevla_policy.model.config import LoraConfig

    with pytest.raises(ConfigError, match='lora.targets'):
        family_vla(sources / 'blip2', 'blip2', lora=LoraConfig(targets=('nothing',)))


def test_folder_without_processor_is_refused(tmp_path):
    save_blip2(tmp_path / 'source')
    for name in ('processor_config.json', 'tokenizer.json', 'tokenizer_config.json'):
        (tmp_path / 'source' / name).unlink()
    with pytest.raises(ConfigError, match='processor'):
        family_vla(tmp_path / 'source', 'blip2')


def test_weights_that_are_not_safetensors_are_refused(tmp_path):
    source = save_blip2(tmp_path / 'source')
    (source / 'model.safetensors').rename(source / 'pytorch_model.bin')
    with pytest.raises(ConfigError, match='safetensors'):
        family_vla(source, 'blip2')
