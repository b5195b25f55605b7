# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Small policies, inputs for them, and a tokenizer."""

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from irevla_policy.model.config import (
    BackboneConfig,
    HeadConfig,
    PolicyConfig,
    TinyConfig,
)
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.tiny_blip2 import build_tokenizer
from irevla_policy.model.vla import VLA

INSTRUCTIONS = ('open the drawer', 'press', 'close the very big red window now')
SOURCE_SIZE = 28


def statistics(seed=0):
    rng = np.random.default_rng(seed)
    states, actions = rng.normal(size=(50, 10)), rng.uniform(-0.02, 0.03, (50, 7))
    states[:, 5] = 1.5
    actions[:, 3:6] = 0.25
    return Statistics.from_data(states, actions)


def tiny_config(**changes):
    backbone = BackboneConfig(
        tiny=TinyConfig(width=32, attention_heads=2, queries=4, text_layers=1)
    )
    return PolicyConfig(
        **(
            {
                'cameras': ('left', 'right'),
                'image_size': 24,
                'backbone': backbone,
                'head': HeadConfig((16,)),
            }
            | changes
        )
    )


def tiny_vla(seed=0, **changes):
    torch.manual_seed(seed)
    return VLA(tiny_config(**changes), statistics(), INSTRUCTIONS).eval()


def observation(vla, seed=0):
    rng = np.random.default_rng(seed)
    size = vla.config.image_size
    images = {
        camera: rng.integers(0, 256, (size, size, 3), np.uint8) for camera in vla.config.cameras
    }
    return images, rng.normal(size=10)


def batch(vla, size=3, seed=0):
    """Return images, instructions and states for a forward pass."""
    generator = torch.Generator().manual_seed(seed)
    side = vla.config.image_size
    images = torch.randint(
        0,
        256,
        (size, len(vla.config.cameras), side, side, 3),
        dtype=torch.uint8,
        generator=generator,
    )
    states = torch.randn(size, vla.statistics.state_size, generator=generator)
    return images, [INSTRUCTIONS[index % 3] for index in range(size)], states


def small_tokenizer(*more):
    """Return a tokenizer of words and characters with additional special tokens."""
    tokenizer = build_tokenizer(INSTRUCTIONS)
    tokenizer.add_special_tokens([*more, '</s>'])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token='<pad>',
        bos_token='<s>',
        eos_token='</s>',
        unk_token='<unk>',
    )
