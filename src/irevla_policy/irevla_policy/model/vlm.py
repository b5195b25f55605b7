# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A vision-language model with what prepares its inputs, built small or loaded."""

from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer
import torch
from torch import Tensor, nn

from irevla_control.errors import ConfigError
from irevla_policy.model.config import BackboneConfig
from irevla_policy.model.preprocessing import Prompts, TensorPixels
from irevla_policy.sources.files import check_files
from irevla_policy.sources.optional_packages import hide_broken_torchvision


@dataclass
class Vlm:
    """A model of transformers and its input side.

    Attributes:
        model: without its vocabulary layer: `logits` are the last hidden states.
        pixels: maps uint8 images (N, H, W, 3) to the model's inputs; has a `description`.
        prompts: maps instructions to the model's inputs.
        width: of a hidden state, d.
        tokenizer_json: the tokenizer of a tiny model; '' when the source brings its own.

    """

    model: nn.Module
    pixels: nn.Module
    prompts: Prompts
    width: int
    tokenizer_json: str = ''


def load_vlm(
    config: BackboneConfig, image_size: int, instructions: Sequence[str], tokenizer_json: str
) -> Vlm:
    """Build or load the model that the configuration names; ConfigError when it cannot be."""
    # Before anything imports transformers, so nothing here does at its head.
    hide_broken_torchvision()
    if config.kind == 'tiny':
        return _tiny(config, image_size, instructions, tokenizer_json)
    # peft takes seconds to import, and the tiny model needs none of it.
    from irevla_policy.model.pretrained import load_inputs, load_model

    check_files(config.source)
    pixels, prompts = load_inputs(config, image_size)
    model, width = load_model(config)
    return Vlm(model, pixels, prompts, width)


def _tiny(
    config: BackboneConfig, image_size: int, instructions: Sequence[str], tokenizer_json: str
) -> Vlm:
    from irevla_policy.model.tiny_blip2 import (
        BEGIN,
        IMAGE,
        PAD,
        build_tiny_blip2,
        build_tokenizer,
    )

    try:
        tokenizer = (
            Tokenizer.from_str(tokenizer_json) if tokenizer_json else build_tokenizer(instructions)
        )
    except Exception as error:  # tokenizers raises nothing more special
        raise ConfigError(f'the tokenizer cannot be used: {error}; give the stored one') from error
    tiny = config.tiny
    # The configuration of a tiny backbone is refused without.
    assert tiny is not None
    prefix = [IMAGE] * tiny.queries + [BEGIN]

    def encode(instruction: str) -> dict[str, Tensor]:
        tokens = tokenizer.encode(config.prompt.replace('{instruction}', instruction)).ids
        if len(tokens) > config.max_text_tokens:
            raise ConfigError(
                f'instruction {instruction!r} has {len(tokens)} tokens; shorten it '
                f'or raise backbone.max_text_tokens ({config.max_text_tokens})'
            )
        return {'input_ids': torch.tensor(prefix + tokens)}

    model = build_tiny_blip2(tiny, image_size, tokenizer.get_vocab_size(), config.max_text_tokens)
    model.set_output_embeddings(nn.Identity())
    pixels = TensorPixels((image_size, image_size), (0.5,) * 3, (0.5,) * 3)
    return Vlm(model, pixels, Prompts(encode, PAD), tiny.width, tokenizer.to_str())
