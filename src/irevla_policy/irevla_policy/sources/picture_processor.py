# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Loads a source's processor for images and text only, with PIL if transformers supports it."""

from typing import Any

import transformers
from transformers import AutoConfig, AutoImageProcessor, AutoProcessor, ProcessorMixin
from transformers.models.auto.image_processing_auto import get_image_processor_config
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING
from transformers.models.auto.tokenization_auto import get_tokenizer_config


class _WithoutVideos(ProcessorMixin):
    """A mixin that leaves out a processor's video processor, which needs torchvision."""

    @classmethod
    def get_attributes(cls) -> list[str]:
        return [name for name in super().get_attributes() if name != 'video_processor']

    @classmethod
    def from_args_and_dict(cls, args: list, processor_dict: dict, **options: Any) -> Any:
        return super().from_args_and_dict(
            args, processor_dict | {'video_processor': None}, **options
        )


def picture_processor(source: str) -> Any:
    """Return the processor of a folder or hub id; the result does not depend on torchvision.

    torchvision is needed only if transformers has no other image processor for the model family.
    May raise any exception of transformers.
    """
    processor = _processor_class(source).from_pretrained(source)
    if hasattr(processor, 'image_processor'):
        processor.image_processor = AutoImageProcessor.from_pretrained(source, backend='pil')
    return processor


def _processor_class(source: str) -> Any:
    """Return the processor class: AutoProcessor, or the model family's without videos."""
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
    # The same class name, because the backbone's hash contains it.
    return type(family.__name__, (_WithoutVideos, family), {})
