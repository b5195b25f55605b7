# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Sizes, a text model and the saving of the small families of models."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from small_models import SOURCE_SIZE
import torch
from transformers import PreTrainedTokenizerBase, ProcessorMixin

PATCH = 14
SQUARE = {'height': SOURCE_SIZE, 'width': SOURCE_SIZE}
PATCHES = (SOURCE_SIZE // PATCH) ** 2
LAYERS = {'num_hidden_layers': 2, 'num_attention_heads': 2, 'intermediate_size': 32}
VISION = LAYERS | {'hidden_size': 16, 'image_size': SOURCE_SIZE, 'patch_size': PATCH}
CLIP = VISION | {'model_type': 'clip_vision_model', 'projection_dim': 16}


@dataclass(frozen=True)
class Family:
    """A family of models.

    Attributes:
        save: writes a small model to a folder and returns the folder.
        options: keys of `backbone` in its preset, without `source`.
        targets: `lora.targets` that adapt attention in its vision and language model.
        prompt: `backbone.prompt`, in which '{instruction}' is replaced.

    """

    save: Callable[[Path], Path]
    prompt: str = '{instruction}'
    targets: tuple[str, ...] = ('q_proj', 'v_proj')
    processor: dict = field(default_factory=dict)

    @property
    def options(self) -> dict:
        """Return the keys of `BackboneConfig` that differ between families."""
        return {'prompt': self.prompt, 'processor': self.processor}


def llama(tokenizer: PreTrainedTokenizerBase, **changes: object) -> dict:
    """Return the configuration of a small Llama for a tokenizer."""
    return (
        LAYERS
        | {
            'model_type': 'llama',
            'hidden_size': 24,
            'num_key_value_heads': 2,
            'vocab_size': len(tokenizer),
            'pad_token_id': 0,
            'initializer_range': 0.1,
        }
        | changes
    )


def save(folder: Path, model: type, config: object, processor: ProcessorMixin) -> Path:
    """Write a processor and a model whose random weights let the image change the latent."""
    torch.manual_seed(1)
    built = model(config)
    with torch.no_grad():
        for name, weight in built.named_parameters():
            # With gates or queries of zero the latent would not depend on the image.
            if ('gate' in name and weight.numel() == 1) or 'query_tokens' in name:
                weight.normal_()
            elif weight.ndim > 1:
                weight.normal_(std=0.1)
    built.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def token_id(tokenizer: PreTrainedTokenizerBase, token: str = '<image>') -> int:
    """Return the index of a token."""
    return tokenizer.convert_tokens_to_ids(token)


def clip_like(kind: type, **options: object) -> object:
    """Return an image processor that scales the shorter edge and crops, as CLIP's does."""
    return kind(size={'shortest_edge': SOURCE_SIZE}, crop_size=SQUARE, **options)
