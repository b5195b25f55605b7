# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests whether a model and its processor work together, with two images and two texts."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
import time
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
import transformers

from irevla_control.errors import ConfigError, one_line
from irevla_policy.model.backbone import Backbone
from irevla_policy.model.tensors import tensor_bytes
from irevla_policy.sources.trial import INSTRUCTIONS, trial_images

# Smallest and largest change, relative to the latent. Latents are stored in half precision, which
# loses smaller changes.
LEAST_CHANGE = 1e-4
LARGEST_PADDING_CHANGE = {torch.float32: 1e-3, torch.float16: 0.05, torch.bfloat16: 0.1}

Value = TypeVar('Value')


@dataclass(frozen=True)
class ProbeResult:
    """Result of a probe.

    Attributes:
        model: class of the model.
        tokens: number m of tokens of one image with the longer instruction.
        width: width d of a token.
        ms: time of one image's pass without gradients [ms].
        device: type of the device of that pass.
        trained: number of weight tensors that training changes; None when not tested.
        unused: number of weight tensors without a gradient, which are not trained.
        versions: versions of torch and transformers.
        prompts: SHA-256 of the instructions' model inputs.

    """

    model: str
    tokens: int
    width: int
    ms: float
    device: str
    trained: int | None = None
    unused: int | None = None
    versions: str = ''
    prompts: str = ''

    def __str__(self) -> str:
        """Return the result in one line."""
        line = (
            f'{self.model}: {self.tokens} tokens a camera of width {self.width}, '
            f'{self.ms:.3g} ms a picture on {self.device}'
        )
        if self.trained is None:
            return line
        line += f'; {self.trained} weight tensors of it are trained'
        return line + (
            f', {self.unused} that the latent does not depend on are not' if self.unused else ''
        )

    def to_dict(self) -> dict:
        """Return plain data for JSON."""
        return asdict(self)


def known_probe(stored: Any, backbone: Backbone) -> ProbeResult | None:
    """Return the result that a manifest stores for this backbone; None: a probe is needed.

    The backbone's hash covers weights, image inputs and tokenizers, but not versions of libraries
    and prompts; so both are compared. Raises ConfigError when the processor makes no prompt.
    """
    names = [entry.name for entry in fields(ProbeResult)]
    if (
        not isinstance(stored, dict)
        or set(stored) != set(names)
        or stored['versions'] != _versions()
        or stored['prompts'] != _attempt(backbone, lambda: _prompts(backbone))
    ):
        return None
    return ProbeResult(**stored)


def probe(backbone: Backbone, image_size: int, *, learns: bool) -> ProbeResult:
    """Test a backbone on its device; its weights, mode and random state do not change.

    With ``learns``, a backward pass follows. Weights without a gradient are then not trained,
    because training on several GPUs waits for the gradient of every trained weight.

    Raises:
        ConfigError: the model rejects the processor's outputs, or the latent does not depend on
            the image or the instruction, changes with padding, is not finite, or has another
            number of tokens than its mask. Names the source and the remedy.

    """
    mode, device = backbone.training, next(backbone.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == 'cuda' else []):
        try:
            _attempt(backbone, lambda: _check_picture_tokens(backbone))
            result = _attempt(backbone, lambda: _probe_latent(backbone.eval(), image_size, device))
            if learns and any(weight.requires_grad for weight in backbone.parameters()):
                result = ProbeResult(
                    **asdict(result) | _probe_gradients(backbone.train(), image_size, device)
                )
        finally:
            backbone.train(mode)
    return result


def _versions() -> str:
    return f'torch {torch.__version__}, transformers {transformers.__version__}'


def _prompts(backbone: Backbone) -> str:
    digest = sha256()
    for name, tensor in sorted(backbone.prompts(INSTRUCTIONS).items()):
        digest.update(f'{name} {tensor.dtype} {tuple(tensor.shape)} '.encode())
        digest.update(tensor_bytes(tensor))
    return digest.hexdigest()


def _problem(backbone: Backbone, found: str, remedy: str) -> ConfigError:
    return ConfigError(
        f'backbone.source {backbone.config.source!r} '
        f'({type(backbone.model).__name__}): {found}; {remedy}'
    )


def _check_picture_tokens(backbone: Backbone) -> None:
    """Check that image tokens and Q-Former outputs are equally many, which models do not check."""
    config = backbone.model.config
    wanted, token = (
        getattr(config, name, None) for name in ('num_query_tokens', 'image_token_id')
    )
    if wanted is None:
        return
    if token is None:
        raise _problem(
            backbone,
            'config.json has no image_token_index',
            "set it to the number of the tokenizer's image token",
        )
    found = int((backbone.prompts(INSTRUCTIONS[:1])['input_ids'] == token).sum())
    if found != wanted:
        raise _problem(
            backbone,
            f'the processor writes {found} image tokens (number {token}) into the '
            f'prompt, the model has {wanted} of them (num_query_tokens of config.json)',
            f'set num_query_tokens to {wanted} in processor_config.json, and image_token_index of '
            "config.json to the number of the tokenizer's image token",
        )


def _probe_latent(backbone: Backbone, image_size: int, device: torch.device) -> ProbeResult:
    """Run a pass of each image, then one pass of the first image with both instructions."""
    first, other = (
        torch.from_numpy(image).to(device)[None, None] for image in trial_images(image_size)
    )
    with torch.no_grad():
        alone = backbone(first, INSTRUCTIONS[:1]).cpu()
        started = time.perf_counter()
        other_picture = backbone(other, INSTRUCTIONS[:1]).cpu()
        ms = 1000 * (time.perf_counter() - started)
        together = backbone(torch.cat((first, first)), INSTRUCTIONS).cpu()
    _check_finite(
        backbone, torch.cat([latent.flatten() for latent in (alone, other_picture, together)])
    )
    if _change(alone, other_picture) < LEAST_CHANGE:
        raise _problem(
            backbone,
            'two pictures give the same latent, so the policy would be blind',
            'write the image token of its chat template into backbone.prompt, and give '
            'processor and weights of the same model',
        )
    _check_text(backbone, alone, together)
    return ProbeResult(
        type(backbone.model).__name__,
        together.shape[1],
        backbone.width,
        round(ms, 3),
        device.type,
        versions=_versions(),
        prompts=_prompts(backbone),
    )


def _check_finite(backbone: Backbone, latent: Tensor) -> None:
    if not latent.isfinite().all():
        raise _problem(backbone, 'the latent is not finite', _not_finite_remedy(backbone))
    if not latent.half().isfinite().all():
        raise _problem(
            backbone,
            'the latent is finite, but not in half precision, in which it is '
            f'stored: its largest number is {latent.abs().max().item():.3g}',
            'this model is not supported, choose another',
        )


def _not_finite_remedy(backbone: Backbone) -> str:
    if backbone.config.dtype == 'float16':
        return 'set backbone.dtype to float32 or bfloat16'
    return 'its weights are damaged, copy them again'


def _check_text(backbone: Backbone, alone: Tensor, together: Tensor) -> None:
    """Compare the first instruction's latent alone with that in a batch, where it is padded."""
    mask = backbone.prompts(INSTRUCTIONS)['attention_mask']
    # Some models put image tokens before the prompt; the mask covers the prompt only.
    pictures = together.shape[1] - mask.shape[1]
    rows = [latent[(latent != 0).any(-1)] for latent in (*together, alone[0])]
    for row, count, words in zip(rows, mask.sum(1).tolist(), INSTRUCTIONS):
        if len(row) != pictures + count:
            raise _problem(
                backbone,
                f'the latent of {words!r} has {len(row)} tokens, its mask says {pictures + count}',
                'this model is not supported, choose another',
            )
    change = _change(rows[0], rows[2])
    if change > LARGEST_PADDING_CHANGE[together.dtype]:
        raise _problem(
            backbone,
            f'the latent of {INSTRUCTIONS[0]!r} changes by {change:.1%} '
            'beside a longer instruction',
            'this model reads padding, which is not supported, choose another',
        )
    one, other = (backbone.prompts([words]) for words in INSTRUCTIONS[1].split())
    same = one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    # The last token attends to the whole prompt.
    if same or _change(rows[0][-1], rows[1][-1]) < LEAST_CHANGE:
        raise _problem(
            backbone,
            'two instructions give the same latent',
            'check backbone.prompt and the tokenizer files',
        )


def _probe_gradients(backbone: Backbone, image_size: int, device: torch.device) -> dict[str, int]:
    images = torch.from_numpy(np.stack(trial_images(image_size))).to(device).unsqueeze(1)
    learning = {
        name: weight for name, weight in backbone.model.named_parameters() if weight.requires_grad
    }
    try:
        with torch.enable_grad():
            _attempt(
                backbone, lambda: backbone(images, INSTRUCTIONS).float().square().mean().backward()
            )
        unused = {name for name, weight in learning.items() if weight.grad is None}
        odd = [
            name
            for name, weight in learning.items()
            if weight.grad is not None and not weight.grad.isfinite().all()
        ]
    finally:
        for weight in learning.values():
            weight.grad = None
    if odd:
        raise _problem(
            backbone,
            f'{len(odd)} gradients are not finite, first of {odd[0]}',
            _not_finite_remedy(backbone),
        )
    lora = backbone.config.lora
    for target in lora.targets if lora else ('',):
        of_target = {name for name in learning if f'.{target}.lora_' in f'.{name}' or not target}
        if of_target <= unused:
            raise _problem(
                backbone,
                'the latent depends on no weight that would be trained'
                + (f' of backbone.lora.targets {target!r}' if target else ''),
                'name other modules under backbone.lora.targets',
            )
    backbone.leave_untrained(unused)
    return {'trained': len(learning) - len(unused), 'unused': len(unused)}


def _attempt(backbone: Backbone, work: Callable[[], Value]) -> Value:
    """Run passes; turn any exception of the model into a ConfigError of one line."""
    try:
        return work()
    except (ConfigError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # each family's classes raise their own
        raise _problem(
            backbone,
            f'the model fails on what the processor makes of picture and prompt '
            f'{backbone.config.prompt!r}: {type(error).__name__}: {one_line(error)}',
            'give config.json, weights, processor and tokenizer files of the same model, and its '
            "chat template's image token in backbone.prompt",
        ) from error


def _change(one: Tensor, other: Tensor) -> float:
    """Return the norm of the difference, relative to the norm of the first tensor."""
    if one.shape != other.shape:
        return float('inf')
    return float((one.float() - other.float()).norm() / one.float().norm())
