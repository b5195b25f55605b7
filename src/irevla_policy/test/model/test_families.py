# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Small models of families without torchvision match transformers' output, and can be trained."""

import numpy as np
from PIL import Image
import pytest
from small_families import FAMILIES, family_vla
from small_models import INSTRUCTIONS, SOURCE_SIZE
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from irevla_policy.model.tensors import trained_parameters


@pytest.fixture(scope='module', params=FAMILIES)
def family(request):
    return request.param


@pytest.fixture(scope='module')
def source(family, tmp_path_factory):
    return FAMILIES[family].save(tmp_path_factory.mktemp('source') / family)


@pytest.fixture(scope='module')
def vla(family, source):
    """Return a policy whose images have the model's size, so they are not resized."""
    vla = family_vla(source, family, image_size=SOURCE_SIZE)
    vla.probe(learns=True)
    return vla


def pictures(count):
    """Return smooth images, because implementations of resizing differ on noise."""
    turns = np.linspace(0, 3, SOURCE_SIZE)
    return (
        np.stack(
            [
                np.stack(
                    [
                        127
                        + 127
                        * np.sin(turns[:, None] * (index + 1) + channel)
                        * np.cos(turns[None, :])
                        for channel in range(3)
                    ],
                    -1,
                )
                for index in range(count)
            ]
        )
        .round()
        .astype(np.uint8)
    )


def reference(source, family, picture, instruction):
    """Return the input (m, d) of the vocabulary layer, computed by transformers alone."""
    model = AutoModelForImageTextToText.from_pretrained(source).eval()
    inputs = AutoProcessor.from_pretrained(source)(
        images=[Image.fromarray(picture)],
        return_tensors='pt',
        text=[FAMILIES[family].prompt.replace('{instruction}', instruction)],
        **FAMILIES[family].processor,
    )
    inputs.pop('labels', None)
    hidden = []
    model.get_output_embeddings().register_forward_pre_hook(
        lambda _, arguments: hidden.append(arguments[0])
    )
    with torch.no_grad():
        model(**inputs)
    return hidden[0][0]


@torch.no_grad()
def test_latent_equals_the_reference_for_instructions_of_any_length(vla, source, family):
    images = pictures(len(INSTRUCTIONS))
    latents = vla.encode(torch.from_numpy(images)[:, None], INSTRUCTIONS)
    for latent, image, instruction in zip(latents, images, INSTRUCTIONS):
        expected = reference(source, family, image, instruction)
        kept = latent[(latent != 0).any(-1)]
        assert kept.shape == expected.shape
        # Only Idefics3's processor resizes images of the model's own size.
        tolerance = 0.02 if family == 'idefics3' else 1e-4
        assert (kept - expected).norm() < tolerance * expected.norm()


def test_probe_reports_the_size_of_the_latent(vla):
    with torch.no_grad():
        latent = vla.encode(torch.from_numpy(pictures(1))[None], ['go up'])
    assert (vla.probed.tokens, vla.probed.width) == latent.shape[1:]
    assert vla.probed.ms > 0
    assert str(vla.probed.tokens) in str(vla.probed)


def test_every_trained_weight_gets_a_gradient(vla):
    """On several GPUs a step waits for all gradients; one missing fails the next step."""
    trained = trained_parameters(vla.train())
    images = torch.from_numpy(pictures(2))[:, None]
    states = torch.zeros(2, vla.statistics.state_size)
    vla(images, INSTRUCTIONS[:2], states).square().sum().backward()
    assert all(weight.grad is not None for weight in trained.values())
    assert any(weight.grad.abs().sum() > 0 for name, weight in trained.items() if '.lora_' in name)
