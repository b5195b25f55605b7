# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A model's own processor, and which of its outputs depend on image or prompt."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
import hashlib
from inspect import signature
import json
from typing import Any, is_typeddict

import numpy as np
from PIL import Image
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from irevla_control.errors import ConfigError, one_line
from irevla_policy.sources.optional_packages import missing_packages
from irevla_policy.sources.picture_processor import picture_processor

# Training targets that some processors return; with them the model would compute a loss.
_ANSWERS = ('labels',)


def load_processor(source: str) -> Any:
    """Return the processor of a folder or hub id; ConfigError if it has no suitable one."""
    try:
        processor = picture_processor(source)
    except Exception as error:  # model families raise different types, tokenizers Exception
        reason = missing_packages(error) or (
            f'{one_line(error)}; copy its processor and tokenizer files too'
        )
        raise ConfigError(
            f'the processor of backbone.source {source!r} cannot be loaded: {reason}'
        ) from error
    if not hasattr(processor, 'image_processor') or not hasattr(processor, 'tokenizer'):
        raise ConfigError(
            f'backbone.source {source!r} has no processor for images and '
            'text; copy its processor and tokenizer files too'
        )
    return processor


@dataclass(frozen=True)
class InputNames:
    """Names of a model's inputs by what they depend on; all others depend on sizes only.

    Attributes:
        text: inputs that depend on the instruction, computed once per instruction.
        picture: inputs that depend on the image, computed for each image.

    """

    text: frozenset[str]
    picture: frozenset[str]


class SourceProcessor:
    """The processor of a source with the options of a preset."""

    def __init__(self, source: str, options: dict[str, Any]) -> None:
        """Load the processor; ConfigError if it cannot be loaded or does not know an option."""
        self.source, self.options = source, options
        self._processor = load_processor(source)
        self.name = type(self._processor).__name__
        self.image_processor = self._processor.image_processor
        self.tokenizer: PreTrainedTokenizerBase = self._processor.tokenizer
        _check_options(self._processor, source, options)

    def __call__(self, images: Sequence[np.ndarray], prompts: Sequence[str]) -> dict[str, Tensor]:
        """Return the model's inputs for uint8 images (H, W, 3), one per prompt.

        Raises ConfigError if the processor refuses them or returns no tensors.
        """
        try:
            # PIL images, because some families accept nothing else; one list per prompt.
            made = self._processor(
                images=[[Image.fromarray(image)] for image in images],
                text=list(prompts),
                return_tensors='pt',
                **self.options,
            )
        except Exception as error:  # model families raise different types
            raise ConfigError(
                f'the processor of {self.source!r} refuses backbone.prompt, here as '
                f'{prompts[0]!r}, or backbone.processor {self.options}: {type(error).__name__}: '
                f'{one_line(error)}; see the model card for both, or copy processor_config.json '
                'and config.json again if they lack a value'
            ) from error
        inputs = {name: value for name, value in made.items() if name not in _ANSWERS}
        odd = [name for name, value in inputs.items() if not isinstance(value, Tensor)]
        if odd or 'input_ids' not in inputs:
            raise ConfigError(
                f'the processor of {self.source!r} gives '
                f'{f"no tensor as {odd[0]}" if odd else "no input_ids"}; choose '
                'another model'
            )
        return inputs

    def sort(self, images: Sequence[np.ndarray], prompts: Sequence[str]) -> InputNames:
        """Find which inputs depend on image or prompt, with two images and two prompts.

        The images have one size, the prompts differ in length. Raises ConfigError if no input
        depends on the image, or if an input depends on both.
        """
        first, other_text, other_picture = (
            self([images[i]], [prompts[k]]) for i, k in ((0, 0), (0, 1), (1, 0))
        )
        text, picture = _different(first, other_text), _different(first, other_picture)
        if not picture:
            raise ConfigError(
                f'the processor of {self.source!r} makes nothing of the picture; '
                'check its image processor (preprocessor_config.json)'
            )
        if text & picture:
            raise ConfigError(
                f'{sorted(text & picture)[0]!r} of the processor of '
                f'{self.source!r} depends on picture and instruction at once, '
                'which is not supported; choose another model'
            )
        return InputNames(text, picture)

    def tokenizers(self) -> dict[str, str]:
        """Return a hash of each tokenizer by name; some processors have several."""
        return {
            name: _digest(part)
            for name, part in vars(self._processor).items()
            if isinstance(part, PreTrainedTokenizerBase)
        }


def _check_options(processor: Any, source: str, options: dict[str, Any]) -> None:
    """Refuse options that the processor does not know, because transformers ignores them."""
    known = _known_options(processor)
    for name in options:
        if name not in known:
            close = get_close_matches(str(name), known, 3)
            raise ConfigError(
                f'backbone.processor names {name!r}, which the processor of {source!r} '
                f'({type(processor).__name__}) does not know; '
                + (
                    f'did you mean {" or ".join(close)}?'
                    if close
                    else 'leave it out, see its model card'
                )
            )


def _known_options(processor: Any) -> set[str]:
    """Return the options that a processor accepts, from the types that transformers declares."""
    sections = getattr(processor.valid_processor_kwargs, '__annotations__', {})
    known = set(sections) | set(signature(processor.__call__).parameters)
    for section in (
        *sections.values(),
        processor.valid_processor_kwargs,
        getattr(processor.image_processor, 'valid_kwargs', None),
    ):
        if is_typeddict(section):
            known |= set(section.__annotations__)
    return known - {'kwargs'}


def _different(one: dict[str, Tensor], other: dict[str, Tensor]) -> frozenset[str]:
    return frozenset(
        name
        for name in one.keys() | other.keys()
        if name not in one or name not in other or not torch.equal(one[name], other[name])
    )


def _digest(tokenizer: PreTrainedTokenizerBase) -> str:
    words = (
        tokenizer.backend_tokenizer.to_str()
        if tokenizer.is_fast
        else json.dumps(
            [tokenizer.get_vocab(), tokenizer.special_tokens_map], sort_keys=True, default=str
        )
    )
    return hashlib.sha256(words.encode()).hexdigest()
