# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest
from small_models import statistics, tiny_config
import torch
from transformers import Blip2ForConditionalGeneration

from irevla_control.errors import ConfigError
from irevla_policy.model.config import load_preset
from irevla_policy.model.tensors import trained_parameters
from irevla_policy.model.tiny_blip2 import build_tokenizer, sine_cosine_positions
from irevla_policy.model.vla import VLA

PRESET = Path(__file__).parents[4] / 'config' / 'presets' / 'tiny.yaml'


def test_preset_is_a_blip2_of_about_half_a_million_parameters():
    vla = VLA(load_preset(PRESET), statistics(), ['open the drawer'])
    assert isinstance(vla.backbone.model, Blip2ForConditionalGeneration)
    sizes = [
        sum(weight.numel() for weight in part.parameters()) for part in (vla.backbone, vla.head)
    ]
    assert 300_000 < sizes[0] < 800_000
    assert sizes[1] < sizes[0] / 2


def test_known_words_are_one_token_each():
    tokenizer = build_tokenizer(['Open the drawer', 'close the drawer'])
    assert tokenizer.encode('close the Drawer').tokens == ['close', 'the', 'drawer']


def test_unknown_words_fall_back_to_characters():
    tokenizer = build_tokenizer(['open the drawer'])
    assert tokenizer.encode('open box-7').tokens == ['open', 'b', '##o', '##x', '-', '7']
    assert '<unk>' not in tokenizer.encode('Schiebe die Tür auf, bitte! (2.5 m)').tokens


def test_tokenizer_does_not_depend_on_the_order_of_instructions():
    words = ['open the drawer', 'press', 'push the puck']
    assert build_tokenizer(words).to_str() == build_tokenizer(words[::-1]).to_str()


def test_all_positions_have_different_encodings():
    positions = sine_cosine_positions(7, 32)
    assert positions.shape == (49, 32)
    assert torch.cdist(positions, positions).fill_diagonal_(9).min() > 0.1


def test_only_the_scores_of_attention_begin_larger():
    vla = VLA(load_preset(PRESET), statistics(), ['press'])
    size = {
        name: weight.std().item() * weight.shape[1] ** 0.5
        for name, weight in vla.backbone.named_parameters()
        if weight.ndim == 2 and 'embed' not in name
    }
    scored = {name for name, one in size.items() if one > 1.5}
    # Self- and cross-attention of the Q-Former, two layers of OPT: two products of each.
    assert len(scored) == 8
    assert all('att' in name for name in scored)
    assert all(abs(one - 2) < 0.1 for name, one in size.items() if name in scored)
    assert all(abs(one - 1) < 0.1 for name, one in size.items() if name not in scored)


def test_image_size_that_no_patches_fill_is_refused():
    with pytest.raises(ConfigError, match='multiple of tiny.patch'):
        VLA(tiny_config(image_size=80), statistics(), ['go'])


def test_the_untrained_model_s_latent_depends_on_the_position_of_an_object():
    torch.manual_seed(0)
    vla = VLA(load_preset(PRESET), statistics(), ['press']).eval()
    images = torch.zeros(8, 2, 84, 84, 3, dtype=torch.uint8)
    for index in range(8):
        images[index, :, 8 * index : 8 * index + 20, 30:50] = 200
    with torch.no_grad():
        latent = vla.encode(images, ['press'] * 8)
    assert latent.std(0).mean() > 0.002 * latent.std()


@pytest.mark.parametrize('seed', range(3))
def test_the_place_of_a_small_object_shows_in_the_untrained_pooled_latent(seed):
    """Where it hardly does, training uses the proprioception and ignores the images."""
    torch.manual_seed(seed)
    vla = VLA(load_preset(PRESET), statistics(), ['press']).eval()
    images = torch.full((2, 2, 84, 84, 3), 120, dtype=torch.uint8)
    for image, column in zip(images, (38, 42), strict=True):
        image[0, 40:46, column : column + 6] = torch.tensor([200, 30, 30], dtype=torch.uint8)
    with torch.no_grad():
        one, other = vla.head.pool(vla.encode(images, ['press'] * 2))
    assert (one - other).norm() > 0.005 * one.norm()


def test_the_model_learns_to_distinguish_instructions_and_images():
    torch.manual_seed(0)
    vla = VLA(tiny_config(), statistics(), ['left', 'right'])
    dark = torch.zeros(1, 2, 24, 24, 3, dtype=torch.uint8)
    images = torch.cat((dark, dark, dark + 200, dark + 200))
    instructions = ['left', 'right'] * 2
    states = torch.zeros(4, vla.statistics.state_size)
    target = torch.tensor([[-0.8], [0.4], [0.8], [0.0]]).expand(4, vla.statistics.action_size)
    optimizer = torch.optim.AdamW(trained_parameters(vla).values(), 3e-3)
    losses = []
    for _ in range(80):
        loss = torch.nn.functional.mse_loss(vla(images, instructions, states), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.01 < losses[0]
