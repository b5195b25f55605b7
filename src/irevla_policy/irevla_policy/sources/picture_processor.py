# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes a source's processor for pictures and text only, on PIL where transformers can."""

from typing import Any

import transformers
from transformers import AutoConfig, AutoImageProcessor, AutoProcessor, ProcessorMixin
from transformers.models.auto.image_processing_auto import get_image_processor_config
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING
from transformers.models.auto.tokenization_auto import get_tokenizer_config


class _WithoutVideos(ProcessorMixin):
    """Put before a processor class: its video processor, which needs torchvision, is left out."""

    @classmethod
    def get_attributes(cls) -> list[str]:
        return [name for name in super().get_attributes() if name != 'video_processor']

    @classmethod
    def from_args_and_dict(cls, args: list, processor_dict: dict, **options: Any) -> Any:
        return super().from_args_and_dict(
            args, processor_dict | {'video_processor': None}, **options
        )


def picture_processor(source: str) -> Any:
    """Return the processor of a folder or hub id; the same whether or not torchvision is there.

    Needs torchvision only where transformers has the family's image processor in no other way.
    Raises what transformers raises: anything.
    """
    processor = _processor_class(source).from_pretrained(source)
    if hasattr(processor, 'image_processor'):
        processor.image_processor = AutoImageProcessor.from_pretrained(source, backend='pil')
    return processor


def _processor_class(source: str) -> Any:
    """Return the class to load with: AutoProcessor, or the family's own without videos."""
    descriptions = (
        ProcessorMixin.get_processor_dict(source)[0],
        get_image_processor_config(source),
        get_tokenizer_config(source),
    )
    names = [
        described['processor_class']
        for described in descriptions
        if described.get('processor_class')
    ]
    family = (
        getattr(transformers, names[0], None)
        if names
        else PROCESSOR_MAPPING.get(type(AutoConfig.from_pretrained(source)), None)
    )
    if family is None or 'video_processor' not in family.get_attributes():
        return AutoProcessor
    # Of the same name: what a latent's hash says of its processor stays the same.
    return type(family.__name__, (_WithoutVideos, family), {})
