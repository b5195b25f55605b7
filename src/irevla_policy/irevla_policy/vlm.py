# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A vision-language model with what prepares its inputs, built small or loaded."""

from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer
from torch import nn

from irevla_control.errors import ConfigError

from .config import BackboneConfig
from .preprocessing import ImagePreprocessing, Prompts
from .tiny_blip2 import BEGIN, IMAGE, PAD, build_tiny_blip2, build_tokenizer


@dataclass
class Vlm:
    """A model of transformers and its input side.

    Attributes:
        model: without its vocabulary layer: `logits` are the last hidden states.
        width: of a hidden state, d.
        tokenizer_json: the tokenizer of a tiny model; '' when the source brings its own.

    """

    model: nn.Module
    preprocessing: nn.Module
    prompts: Prompts
    width: int
    tokenizer_json: str = ''


def load_vlm(config: BackboneConfig, image_size: int, instructions: Sequence[str],
             tokenizer_json: str) -> Vlm:
    """Build or load the model that the configuration names; ConfigError when it cannot be."""
    if config.kind == 'tiny':
        return _tiny(config, image_size, instructions, tokenizer_json)
    from .pretrained import load_pretrained
    return load_pretrained(config, image_size)


def _tiny(config: BackboneConfig, image_size: int, instructions: Sequence[str],
          tokenizer_json: str) -> Vlm:
    tokenizer = (Tokenizer.from_str(tokenizer_json) if tokenizer_json
                 else build_tokenizer(instructions))
    prefix = [IMAGE] * config.tiny.queries + [BEGIN]

    def encode(instruction: str) -> dict[str, list[int]]:
        tokens = tokenizer.encode(config.prompt.format(instruction=instruction)).ids
        if len(tokens) > config.max_text_tokens:
            raise ConfigError(f'instruction {instruction!r} has {len(tokens)} tokens; shorten it '
                              f'or raise backbone.max_text_tokens ({config.max_text_tokens})')
        return {'input_ids': prefix + tokens}

    model = build_tiny_blip2(config.tiny, image_size, tokenizer.get_vocab_size(),
                             config.max_text_tokens)
    model.set_output_embeddings(nn.Identity())
    preprocessing = ImagePreprocessing((image_size, image_size), (0.5,) * 3, (0.5,) * 3)
    return Vlm(model, preprocessing, Prompts(encode, PAD), config.tiny.width,
               tokenizer.to_str())
