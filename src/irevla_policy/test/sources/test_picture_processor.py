# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
import sys

import pytest
from small_models import INSTRUCTIONS, SOURCE_SIZE
import torch
from transformers import AutoModelForImageTextToText
from video_families import VIDEO_FAMILIES, save_lfm2_vl_processor

from irevla_control.errors import ConfigError
from irevla_policy.model.backbone import Backbone
from irevla_policy.model.config import BackboneConfig
from irevla_policy.model.pretrained import load_inputs
from irevla_policy.sources.picture_processor import picture_processor

NEEDS_NOTHING = sorted(set(VIDEO_FAMILIES) - {'smolvlm2'})


@pytest.fixture
def no_num2words(monkeypatch):
    monkeypatch.setitem(sys.modules, 'num2words', None)
    monkeypatch.setattr('transformers.models.smolvlm.processing_smolvlm.num2words', None)


@torch.no_grad()
@pytest.mark.parametrize('name', NEEDS_NOTHING)
def test_a_video_family_works_on_images_without_torchvision(tmp_path, name):
    family = VIDEO_FAMILIES[name]
    family.save(tmp_path)
    backbone = Backbone(
        BackboneConfig(kind='pretrained', source=str(tmp_path), **family.options), SOURCE_SIZE
    ).eval()
    images = torch.randint(0, 256, (2, 1, SOURCE_SIZE, SOURCE_SIZE, 3), dtype=torch.uint8)
    latent = backbone(images, INSTRUCTIONS[:2])
    assert not torch.allclose(backbone(255 - images, INSTRUCTIONS[:2]), latent, atol=1e-2)
    for row, instruction in enumerate(INSTRUCTIONS[:2]):
        expected = reference(tmp_path, family, images[row, 0].numpy(), instruction)
        torch.testing.assert_close(latent[row, : len(expected)], expected, atol=1e-4, rtol=1e-4)
        assert (latent[row, len(expected) :] == 0).all()


def reference(folder, family, image, instruction):
    """Return the last hidden states (m, d) of transformers' own forward."""
    model = AutoModelForImageTextToText.from_pretrained(folder).eval()
    inputs = picture_processor(str(folder))(
        images=[image],
        text=[family.prompt.replace('{instruction}', instruction)],
        return_tensors='pt',
        **family.processor,
    )
    hidden = []
    model.get_output_embeddings().register_forward_pre_hook(
        lambda _, arguments: hidden.append(arguments[0][0])
    )
    model(**inputs)
    return hidden[0]


def test_a_family_that_needs_a_missing_package_is_refused_with_the_command(tmp_path, no_num2words):
    family = VIDEO_FAMILIES['smolvlm2']
    family.save(tmp_path)
    with pytest.raises(ConfigError) as error:
        Backbone(
            BackboneConfig(kind='pretrained', source=str(tmp_path), **family.options), SOURCE_SIZE
        )
    assert str(error.value) == (
        f"the processor of backbone.source '{tmp_path}' cannot be loaded: it needs num2words, "
        f'which make setup does not install: run `{sys.executable} -m pip install num2words`'
    )


@pytest.mark.skipif('torchvision' in sys.modules, reason='torchvision is installed')
def test_a_family_without_a_pil_processor_is_refused_with_a_matching_torchvision(tmp_path):
    with pytest.raises(
        ConfigError,
        match=r'it needs torchvision, .* pip install '
        r'(--index-url \S+ )?torchvision==0\.\d+\.\d+`',
    ):
        load_inputs(
            BackboneConfig(
                kind='pretrained', source=str(save_lfm2_vl_processor(tmp_path / 'source'))
            ),
            SOURCE_SIZE,
        )
