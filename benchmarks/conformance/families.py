# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests families of vision-language models: builds a small one, loads, compares and trains it.

Prints one JSON object per line: the number of families, then the result of each. The reference is
the family's own processor and forward pass in transformers.
"""

import argparse
from collections.abc import Callable
import json
from pathlib import Path
import tempfile
import time
from typing import Any

from family_parts import Family
from more_families import MORE_FAMILIES
import numpy as np
from PIL import Image
from small_families import FAMILIES
from small_models import INSTRUCTIONS, SOURCE_SIZE, statistics
import torch
from torch import Tensor
from transformers import AutoModelForImageTextToText, AutoProcessor
from transformers.utils import logging
from video_families import VIDEO_FAMILIES

from irevla_control.errors import ConfigError
from irevla_policy.model.config import BackboneConfig, HeadConfig, LoraConfig, PolicyConfig
from irevla_policy.model.tensors import trained_parameters
from irevla_policy.model.vla import VLA

ALL = FAMILIES | VIDEO_FAMILIES | MORE_FAMILIES
# Families that the suite refuses, and the expected words of the error.
REFUSED = {'florence2': 'no decoder-only language model'}
# Largest norm of the difference from the reference, relative to the norm of the reference.
LARGEST_DIFFERENCE = 1e-4
# Likewise if the reference resizes images twice or with torchvision; the suite resizes once.
LARGEST_RESIZED = 0.02
RESIZED = ('idefics3', 'smolvlm2', 'qwen3-vl')


class CheckError(Exception):
    """A check of a family failed."""


def load(folder: Path, family: Family) -> VLA:
    """Return a policy with adapters and one camera, on the model in ``folder``."""
    torch.manual_seed(0)
    return VLA(
        PolicyConfig(
            cameras=('front',),
            image_size=SOURCE_SIZE,
            head=HeadConfig((16,)),
            backbone=BackboneConfig(
                kind='pretrained',
                source=str(folder),
                train='lora',
                max_text_tokens=12,
                lora=LoraConfig(rank=2, dropout=0.0, targets=family.targets),
                **family.options,
            ),
        ),
        statistics(),
    ).eval()


def pictures(count: int) -> Tensor:
    """Return different smooth images, uint8 (count, 1, size, size, 3)."""
    ramp = np.linspace(0, 2 * np.pi, SOURCE_SIZE)
    waves = [
        [
            np.sin(ramp[:, None] * (1 + channel) + ramp[None] * 2 + 1.7 * picture)
            for channel in range(3)
        ]
        for picture in range(count)
    ]
    images = np.round(127.5 + 127.5 * np.array(waves)).astype(np.uint8)
    return torch.from_numpy(images).permute(0, 2, 3, 1).unsqueeze(1).contiguous()


@torch.no_grad()
def compare(vla: VLA, folder: Path, family: Family, largest: float) -> dict[str, Any]:
    """Compare latents of one batch, with instructions of different lengths, with transformers'."""
    images = pictures(len(INSTRUCTIONS))
    latent = vla.encode(images, INSTRUCTIONS)
    reference = reference_of(folder, family)
    differences = []
    for row, image, instruction in zip(latent, images, INSTRUCTIONS, strict=True):
        expected = reference(image[0].numpy(), instruction)
        if row[len(expected) :].any():
            raise CheckError('padding is not zero')
        differences.append(float((row[: len(expected)] - expected).norm() / expected.norm()))
    if max(differences) > largest:
        raise CheckError(f'differs from the reference by {max(differences):.2g} of its norm')
    for what, other in (
        ('picture', vla.encode(255 - images, INSTRUCTIONS)),
        ('instruction', vla.encode(images, INSTRUCTIONS[::-1])),
    ):
        if other.shape == latent.shape and torch.allclose(other, latent, atol=1e-4):
            raise CheckError(f'the latent does not change with the {what}')
    return {
        'tokens': latent.shape[1],
        'width': latent.shape[2],
        'difference': float(f'{max(differences):.1e}'),
    }


def reference_of(folder: Path, family: Family) -> Callable[[np.ndarray, str], Tensor]:
    """Return a function from an image and an instruction to the last hidden states (m, d)."""
    model = AutoModelForImageTextToText.from_pretrained(folder).eval()
    processor = AutoProcessor.from_pretrained(folder)
    seen: list[Tensor] = []
    model.get_output_embeddings().register_forward_pre_hook(
        lambda _, arguments: seen.append(arguments[0])
    )

    def run(image: np.ndarray, instruction: str) -> Tensor:
        inputs = processor(
            images=[[Image.fromarray(image)]],
            text=[family.prompt.replace('{instruction}', instruction)],
            return_tensors='pt',
            **family.processor,
        )
        inputs.pop('labels', None)
        seen.clear()
        model(**inputs)
        return seen[0][0]

    return run


def train_once(vla: VLA) -> None:
    """Train adapters and head; check that all of them get a gradient and nothing else changes."""
    # As in the trainer: parameters without influence on the latent are not trained.
    vla.probe(learns=True)
    trained = trained_parameters(vla.train())
    frozen = {
        name: weight.clone() for name, weight in vla.named_parameters() if name not in trained
    }
    optimizer = torch.optim.AdamW(trained.values(), 1e-2)
    images, states = pictures(len(INSTRUCTIONS)), torch.zeros(3, vla.statistics.state_size)
    losses = []
    for _ in range(2):
        loss = (vla(images, INSTRUCTIONS, states) - 0.5).square().mean()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        without = [name for name, weight in trained.items() if weight.grad is None]
        if without:
            raise CheckError(
                f'{len(without)} trained weights get no gradient, such as {without[0]}'
            )
        optimizer.step()
    parameters = dict(vla.named_parameters())
    if not losses[1] < losses[0]:
        raise CheckError(f'a training step did not lower the loss: {losses}')
    if not all(torch.equal(parameters[name], weight) for name, weight in frozen.items()):
        raise CheckError('a training step changed a frozen weight')


def check(name: str, folder: Path) -> dict[str, Any]:
    """Return the result of a family: `passed`, and the `reason` if it failed."""
    family = ALL[name]
    about = {
        'check': name,
        'prompt': family.prompt,
        'processor': family.processor,
        'targets': family.targets,
    }
    begun = time.monotonic()
    try:
        family.save(folder)
        begun = time.monotonic()
        vla = load(folder, family)
        if name in REFUSED:
            raise CheckError('was not refused')
        about |= compare(
            vla, folder, family, LARGEST_RESIZED if name in RESIZED else LARGEST_DIFFERENCE
        )
        train_once(vla)
        about |= {'unused': vla.probed.unused}
        found = {'passed': True}
    except Exception as error:  # any error of a family is a result
        reason = ' '.join(f'{type(error).__name__}: {error}'.split())
        refused = isinstance(error, ConfigError) and REFUSED.get(name, '-') in str(error)
        found = (
            {'passed': True, 'refused': REFUSED[name]}
            if refused
            else {'passed': False, 'reason': reason.replace(str(folder), 'FOLDER')}
        )
    return about | found | {'seconds': round(time.monotonic() - begun, 2)}


def main() -> None:
    """Test all families except those that are done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--done',
        nargs='*',
        default=[],
        choices=ALL,
        metavar='FAMILY',
        help='families that are tested already',
    )
    done = parser.parse_args().done
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    print(json.dumps({'total': len(ALL)}), flush=True)
    for name in ALL:
        if name not in done:
            with tempfile.TemporaryDirectory() as folder:
                print(json.dumps(check(name, Path(folder))), flush=True)


if __name__ == '__main__':
    main()
