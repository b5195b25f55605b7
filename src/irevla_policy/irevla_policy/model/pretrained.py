# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Any image-text-to-text model of transformers, from a folder or the hub."""

import numpy as np
from peft import LoraConfig as PeftLoraConfig
from peft import inject_adapter_in_model
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from irevla_control.errors import ConfigError, one_line
from irevla_policy.model.config import BackboneConfig, LoraConfig
from irevla_policy.model.preprocessing import Prompts, TensorPixels
from irevla_policy.sources.processor import InputNames, SourceProcessor
from irevla_policy.sources.trial import INSTRUCTIONS, trial_images
from irevla_policy.sources.weights import load_weights

# Mean difference to the processor's own pixels, in standard deviations of the pixel values.
LARGEST_PIXEL_DIFFERENCE = 0.05


class ProcessorPixels(nn.Module):
    """Prepares images by the source's own processor on the CPU: slower, but right for all."""

    def __init__(
        self,
        processor: SourceProcessor,
        prompt: str,
        text_names: frozenset[str],
        dtype: torch.dtype,
    ) -> None:
        """Use what the processor makes of an image with this prompt, without `text_names`."""
        super().__init__()
        self.dtype = dtype
        # Whole: what this class does not know of changes the pixels all the same.
        self.description = {
            'processor': processor.name,
            'image_processor': processor.image_processor.to_json_string(),
        }
        self._prepare = lambda images: {
            name: value
            for name, value in processor(images, [prompt] * len(images)).items()
            if name not in text_names
        }

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Map uint8 (N, H, W, 3) to the model's inputs."""
        return {
            name: value.to(images.device, self.dtype if value.is_floating_point() else None)
            for name, value in self._prepare(images.cpu().numpy()).items()
        }


def load_model(config: BackboneConfig) -> tuple[PreTrainedModel, int]:
    """Return the source's model without its vocabulary layer, and the width d of its states.

    Raises ConfigError when the source cannot be loaded, lacks weights, or has no last hidden
    states to give, or when the adapters do not fit.
    """
    model, width = load_weights(config.source, getattr(torch, config.dtype))
    if config.lora is not None:
        _add_adapters(model, config.lora)
    return model, width


def load_inputs(config: BackboneConfig, image_size: int) -> tuple[nn.Module, Prompts]:
    """Return what prepares images and instructions, from the source's processor.

    Raises ConfigError when there is none or it refuses the prompt.
    """
    processor = SourceProcessor(config.source, config.processor)
    image, other = trial_images(image_size)
    prompts = [config.prompt.replace('{instruction}', words) for words in INSTRUCTIONS]
    names = processor.sort((image, other), prompts)

    def encode(instruction: str) -> dict[str, Tensor]:
        count = len(processor.tokenizer(instruction, add_special_tokens=False)['input_ids'])
        if count > config.max_text_tokens:
            raise ConfigError(
                f'instruction {instruction!r} has {count} tokens; shorten it or '
                f'raise backbone.max_text_tokens ({config.max_text_tokens})'
            )
        inputs = processor([image], [config.prompt.replace('{instruction}', instruction)])
        return {name: inputs[name][0] for name in names.text}

    pixels: TensorPixels | ProcessorPixels | None = _tensor_pixels(
        processor, prompts[0], image, names, config
    )
    if pixels is None:
        pixels = ProcessorPixels(processor, prompts[0], names.text, getattr(torch, config.dtype))
    # Part of the description, because latents depend on the tokenizer too.
    pixels.description |= processor.tokenizers()
    pad = processor.tokenizer.pad_token_id
    return pixels, Prompts(encode, pad if pad is not None else 0)


def _tensor_pixels(
    processor: SourceProcessor,
    prompt: str,
    image: np.ndarray,
    names: InputNames,
    config: BackboneConfig,
) -> TensorPixels | None:
    """Return the processor's image side on tensors, or None when that does not reproduce it."""
    if names.picture != {'pixel_values'}:
        return None
    constants = {
        name: value
        for name, value in processor([image], [prompt]).items()
        if name not in names.text
    }
    expected = constants.pop('pixel_values')
    if (
        expected.dim() < 4
        or expected.shape[-3] != 3
        or any(size != 1 for size in expected.shape[:-3])
    ):
        return None
    source = processor.image_processor
    normalised = source.do_normalize
    height, width = expected.shape[-2:]
    pixels = TensorPixels(
        (height, width),
        source.image_mean if normalised else (0.0,) * 3,
        source.image_std if normalised else (1.0,) * 3,
        expected.shape[1:-3],
        constants,
        getattr(torch, config.dtype),
    )
    result = pixels(torch.from_numpy(image).unsqueeze(0))['pixel_values'].float()
    difference = (result - expected).abs().mean() / expected.std()
    return pixels if difference < LARGEST_PIXEL_DIFFERENCE else None


def _add_adapters(model: PreTrainedModel, lora: LoraConfig) -> None:
    try:
        inject_adapter_in_model(
            PeftLoraConfig(
                r=lora.rank,
                lora_alpha=lora.alpha,
                lora_dropout=lora.dropout,
                target_modules=list(lora.targets),
            ),
            model,
        )
    except ValueError as error:
        raise ConfigError(
            f'backbone.lora.targets {lora.targets} do not fit: {one_line(error)}; '
            'name modules of the source, such as q_proj'
        ) from error
    adapted = {
        name.partition('.lora_')[0] for name, _ in model.named_parameters() if '.lora_' in name
    }
    for target in lora.targets:
        if not any(f'.{name}'.endswith(f'.{target}') for name in adapted):
            linear = sorted(
                {
                    name.rpartition('.')[2]
                    for name, module in model.named_modules()
                    if isinstance(module, nn.Linear) and '.lora_' not in name
                }
                - {'base_layer'}
            )
            raise ConfigError(
                f'backbone.lora.targets names {target!r}, which matches no module '
                f'of {type(model).__name__}; leave it out or take one of '
                f'{", ".join(linear)}'
            )
    for name, weight in model.named_parameters():
        weight.requires_grad_('.lora_' in name)
        if weight.requires_grad:
            # Small updates vanish in half precision.
            weight.data = weight.data.float()
