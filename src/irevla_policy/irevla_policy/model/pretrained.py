# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Any image-text-to-text model of transformers, from a folder or the hub."""

import hashlib
import json
from typing import Any

from huggingface_hub.errors import StrictDataclassError
import numpy as np
from peft import LoraConfig as PeftLoraConfig
from peft import inject_adapter_in_model
import torch
from torch import Tensor, nn
from transformers import (
    AutoModelForImageTextToText,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from irevla_control.errors import ConfigError, one_line
from irevla_policy.model.config import BackboneConfig, LoraConfig
from irevla_policy.model.preprocessing import Prompts, TensorPixels
from irevla_policy.sources.optional_packages import missing_packages
from irevla_policy.sources.picture_processor import picture_processor

# Mean difference to the processor's own pixels, in standard deviations of the pixel values.
LARGEST_PIXEL_DIFFERENCE = 0.05


class ProcessorPixels(nn.Module):
    """Prepares images by the source's own processor on the CPU: slower, but right for all."""

    def __init__(self, processor: Any, prompt: str, options: dict, text_names: set[str],
                 dtype: torch.dtype) -> None:
        """Use the image side of what the processor makes of an image with this prompt."""
        super().__init__()
        self.dtype = dtype
        # Whole: what this class does not know of changes the pixels all the same.
        self.description = {'processor': type(processor).__name__,
                            'image_processor': processor.image_processor.to_json_string()}
        self._prepare = lambda images: {
            name: value for name, value in processor(
                images=[[image] for image in images], text=[prompt] * len(images),
                return_tensors='pt', **options).items() if name not in text_names}

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Map uint8 (N, H, W, 3) to the model's inputs."""
        return {name: value.to(images.device, self.dtype if value.is_floating_point() else None)
                for name, value in self._prepare(images.cpu().numpy()).items()}


def load_model(config: BackboneConfig) -> tuple[PreTrainedModel, int]:
    """Return the source's model without its vocabulary layer, and the width d of its states.

    Raises ConfigError when the source cannot be loaded or has no last hidden states to give.
    """
    try:
        # Safetensors only: other weight files can run code.
        model = AutoModelForImageTextToText.from_pretrained(
            config.source, dtype=getattr(torch, config.dtype), use_safetensors=True)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise ConfigError(f'backbone.source {config.source!r} cannot be loaded: ' + (
            missing_packages(error) or f'{error}; give a folder or hub id of an '
            'image-text-to-text model with safetensors weights')) from error
    vocabulary_layer = model.get_output_embeddings()
    if model.config.is_encoder_decoder or not isinstance(vocabulary_layer, nn.Linear):
        raise ConfigError(f'backbone.source {config.source!r} ({type(model).__name__}) has no '
                          'decoder-only language model; choose another')
    model.set_output_embeddings(nn.Identity())
    # Some decoders squash what leaves the vocabulary layer.
    model.config.get_text_config().final_logit_softcapping = None
    if config.lora is not None:
        _add_adapters(model, config.lora)
    return model, vocabulary_layer.in_features


def load_inputs(config: BackboneConfig, image_size: int) -> tuple[nn.Module, Prompts]:
    """Return what prepares images and instructions, from the source's processor.

    Raises ConfigError when there is none or it refuses the prompt.
    """
    try:
        processor = picture_processor(config.source)
    except Exception as error:  # each family's classes raise their own, tokenizers the bare one
        reason = missing_packages(error) or (
            f'{one_line(error)}; copy its processor and tokenizer files too')
        raise ConfigError(f'the processor of backbone.source {config.source!r} cannot be loaded: '
                          f'{reason}') from error
    if not hasattr(processor, 'image_processor') or not hasattr(processor, 'tokenizer'):
        raise ConfigError(f'backbone.source {config.source!r} has no processor for images and '
                          'text; copy its processor and tokenizer files too')
    image = _probe_image(image_size)

    def run(prompt: str) -> dict[str, Tensor]:
        try:
            return dict(processor(images=[image], text=[prompt], return_tensors='pt',
                                  **config.processor))
        except (TypeError, ValueError, StrictDataclassError) as error:
            raise ConfigError(f'the processor of {config.source!r} refuses backbone.prompt '
                              f'{prompt!r} or backbone.processor {config.processor}: {error}; '
                              'see the model card for both') from error

    def encode(instruction: str) -> dict[str, list[int]]:
        count = len(processor.tokenizer(instruction, add_special_tokens=False)['input_ids'])
        if count > config.max_text_tokens:
            raise ConfigError(f'instruction {instruction!r} has {count} tokens; shorten it or '
                              f'raise backbone.max_text_tokens ({config.max_text_tokens})')
        inputs = run(config.prompt.replace('{instruction}', instruction))
        return {name: inputs[name][0].tolist() for name in _text_names(inputs)}

    prompt = config.prompt.replace('{instruction}', 'move')
    inputs = run(prompt)
    pixels = _tensor_pixels(processor, inputs, image, config)
    if pixels is None:
        pixels = ProcessorPixels(processor, prompt, config.processor, _text_names(inputs),
                                 getattr(torch, config.dtype))
    # Told with the pixels, since latents of another tokenizer are others too.
    pixels.description |= {'tokenizer': _digest(processor.tokenizer)}
    pad = processor.tokenizer.pad_token_id
    return pixels, Prompts(encode, pad if pad is not None else 0)


def _digest(tokenizer: PreTrainedTokenizerBase) -> str:
    words = tokenizer.backend_tokenizer.to_str() if tokenizer.is_fast else json.dumps(
        [tokenizer.get_vocab(), tokenizer.special_tokens_map], sort_keys=True, default=str)
    return hashlib.sha256(words.encode()).hexdigest()


def _text_names(inputs: dict[str, Tensor]) -> set[str]:
    """Return the names of the inputs that have one number per token."""
    return {name for name, value in inputs.items() if value.shape == inputs['input_ids'].shape}


def _tensor_pixels(processor: Any, inputs: dict[str, Tensor], image: np.ndarray,
                   config: BackboneConfig) -> TensorPixels | None:
    """Return the processor's image side on tensors, or None when that does not reproduce it."""
    constants = {name: value for name, value in inputs.items() if name not in _text_names(inputs)}
    expected = constants.pop('pixel_values', None)
    if expected is None or expected.dim() < 4 or expected.shape[-3] != 3 \
            or any(size != 1 for size in expected.shape[:-3]):
        return None
    source = processor.image_processor
    normalised = source.do_normalize
    pixels = TensorPixels(
        expected.shape[-2:], source.image_mean if normalised else (0.0,) * 3,
        source.image_std if normalised else (1.0,) * 3, expected.shape[1:-3], constants,
        getattr(torch, config.dtype))
    result = pixels(torch.from_numpy(image).unsqueeze(0))['pixel_values'].float()
    difference = (result - expected).abs().mean() / expected.std()
    return pixels if difference < LARGEST_PIXEL_DIFFERENCE else None


def _probe_image(size: int) -> np.ndarray:
    """Return a smooth colour image that shows whether two preprocessings agree."""
    ramp = np.linspace(0, 2 * np.pi, size)
    waves = [np.sin(ramp[:, None] * (1 + channel) + np.cos(ramp[None, :]) * 2)
             for channel in range(3)]
    return np.round(127.5 + 127.5 * np.stack(waves, axis=-1)).astype(np.uint8)


def _add_adapters(model: PreTrainedModel, lora: LoraConfig) -> None:
    try:
        inject_adapter_in_model(PeftLoraConfig(
            r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout,
            target_modules=list(lora.targets)), model)
    except ValueError as error:
        raise ConfigError(f'backbone.lora.targets {lora.targets} do not fit: {error}; name '
                          'modules of the source, such as q_proj') from error
    for name, weight in model.named_parameters():
        weight.requires_grad_('.lora_' in name)
        if weight.requires_grad:
            # Small updates vanish in half precision.
            weight.data = weight.data.float()
