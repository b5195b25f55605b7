# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Small policies, and small models of transformers as they lie on a disk after a download."""

from pathlib import Path

import numpy as np
import torch
from transformers import (
    Blip2Config,
    Blip2ForConditionalGeneration,
    Blip2Processor,
    BlipImageProcessorPil,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessorPil,
    Idefics3Processor,
    PreTrainedTokenizerFast,
)

from irevla_policy.model.config import (
    BackboneConfig,
    HeadConfig,
    LoraConfig,
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
    backbone = BackboneConfig(tiny=TinyConfig(width=32, attention_heads=2, queries=4,
                                              text_layers=1))
    return PolicyConfig(**({'cameras': ('left', 'right'), 'image_size': 24, 'backbone': backbone,
                            'head': HeadConfig((16,))} | changes))


def tiny_vla(seed=0, **changes):
    torch.manual_seed(seed)
    return VLA(tiny_config(**changes), statistics(), INSTRUCTIONS).eval()


def observation(vla, seed=0):
    rng = np.random.default_rng(seed)
    size = vla.config.image_size
    images = {camera: rng.integers(0, 256, (size, size, 3), np.uint8)
              for camera in vla.config.cameras}
    return images, rng.normal(size=10)


def batch(vla, size=3, seed=0):
    """Return images, instructions and states that a forward pass takes."""
    generator = torch.Generator().manual_seed(seed)
    side = vla.config.image_size
    images = torch.randint(0, 256, (size, len(vla.config.cameras), side, side, 3),
                           dtype=torch.uint8, generator=generator)
    states = torch.randn(size, vla.statistics.state_size, generator=generator)
    return images, [INSTRUCTIONS[index % 3] for index in range(size)], states


def small_tokenizer(*more):
    tokenizer = build_tokenizer(INSTRUCTIONS)
    tokenizer.add_special_tokens([*more, '</s>'])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token='<pad>', bos_token='<s>',
                                   eos_token='</s>', unk_token='<unk>')


def save_blip2(folder: Path, seed=1):
    """Write a small BLIP-2 with its processor, as `save_pretrained` of the real one would."""
    torch.manual_seed(seed)
    tokenizer = small_tokenizer()
    processor = Blip2Processor(
        BlipImageProcessorPil(size={'height': SOURCE_SIZE, 'width': SOURCE_SIZE}), tokenizer,
        num_query_tokens=3)
    shared = {'num_hidden_layers': 2, 'num_attention_heads': 2}
    model = Blip2ForConditionalGeneration(Blip2Config(
        vision_config=shared | {'hidden_size': 16, 'intermediate_size': 16, 'patch_size': 14,
                                'image_size': SOURCE_SIZE, 'initializer_range': 0.1},
        qformer_config=shared | {'hidden_size': 16, 'intermediate_size': 16},
        text_config=shared | {'model_type': 'opt', 'hidden_size': 24, 'ffn_dim': 24,
                              'word_embed_proj_dim': 24, 'vocab_size': len(tokenizer),
                              'max_position_embeddings': 64, 'init_std': 0.1},
        num_query_tokens=3, image_token_index=tokenizer.convert_tokens_to_ids('<image>')))
    model.query_tokens.data.normal_()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def save_idefics3(folder: Path, seed=1):
    """Write a small Idefics3, the family of SmolVLM, with its processor."""
    torch.manual_seed(seed)
    tokenizer = small_tokenizer('<fake_token_around_image>', '<global-img>', '<end_of_utterance>',
                           *(f'<row_{row}_col_{column}>' for row in range(1, 7)
                             for column in range(1, 7)))
    processor = Idefics3Processor(
        Idefics3ImageProcessorPil(size={'longest_edge': 2 * SOURCE_SIZE},
                                  max_image_size={'longest_edge': SOURCE_SIZE}),
        tokenizer, image_seq_len=4)
    shared = {'num_hidden_layers': 2, 'num_attention_heads': 2, 'intermediate_size': 32}
    model = Idefics3ForConditionalGeneration(Idefics3Config(
        vision_config=shared | {'hidden_size': 16, 'image_size': SOURCE_SIZE, 'patch_size': 7},
        text_config=shared | {'model_type': 'llama', 'hidden_size': 24, 'num_key_value_heads': 2,
                              'vocab_size': len(tokenizer), 'pad_token_id': 0,
                              'initializer_range': 0.1},
        scale_factor=2, image_token_id=tokenizer.convert_tokens_to_ids('<image>')))
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


FAMILIES = {
    'blip2': (save_blip2, {'prompt': '{instruction}'}),
    'idefics3': (save_idefics3, {'prompt': '<s><image>{instruction}',
                                 'processor': {'do_image_splitting': False}}),
    'idefics3-tiles': (save_idefics3, {'prompt': '<s><image>{instruction}'}),
}


def pretrained_vla(folder: Path, family: str, seed=0, **changes):
    """Save a model of a family, unless it is there, and load it as a policy with adapters."""
    save, options = FAMILIES[family]
    if not folder.exists():
        save(folder)
    torch.manual_seed(seed)
    options = {'kind': 'pretrained', 'source': str(folder), 'train': 'lora', 'max_text_tokens': 12,
               'lora': LoraConfig(rank=2, dropout=0.0)} | options | changes
    return VLA(tiny_config(image_size=40, backbone=BackboneConfig(**options)),
               statistics()).eval()
