# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy as a folder of safetensors and JSON; incomplete folders are refused."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from irevla_control.errors import ConfigError
from irevla_policy.checkpoints.files import (
    BACKBONE,
    CONFIG,
    HEAD,
    STATISTICS,
    TOKENIZER,
    CheckpointError,
    check_fit,
    new_checkpoint,
    read_description,
    read_weights,
    write_json,
)
from irevla_policy.checkpoints.views import read_views, write_views
from irevla_policy.model.device import best_device
from irevla_policy.model.tensors import save_tensors
from irevla_policy.model.vla import VLA


def save_checkpoint(folder: str | Path, vla: VLA, extra: dict[str, Any] | None = None) -> None:
    """Write the policy to a folder, atomically; replace an existing folder.

    With adapters on a pretrained backbone, only adapters and head are stored; the manifest's
    backbone hash detects a changed source. `extra` is plain data for the manifest. Raises
    CheckpointError if the folder cannot be written.
    """
    probe = vla.probed.to_dict() if vla.probed else None
    with new_checkpoint(folder, vla.backbone_hash, extra, probe) as new:
        write_json(new / CONFIG, vla.config.to_dict())
        write_json(new / STATISTICS, vla.statistics.to_dict())
        (new / TOKENIZER).write_text(vla.backbone.tokenizer_json or '{}')
        save_tensors(new / BACKBONE, vla.backbone.stored_state())
        save_tensors(new / HEAD, vla.head.state_dict())
        write_views(new, vla.views)


def load_checkpoint(folder: str | Path, device: str | torch.device = 'cpu') -> VLA:
    """Return the policy in evaluation mode, on a device.

    A pretrained backbone is probed on that device, unless the manifest contains the result of a
    probe with the same versions of torch and transformers.

    Raises CheckpointError with file, reason and remedy if a part is missing, changed or does not
    fit the others.
    """
    folder = Path(folder)
    manifest, config, statistics = read_description(folder)
    tokenizer = (folder / TOKENIZER).read_text()
    try:
        with torch.random.fork_rng(devices=()):
            vla = VLA(config, statistics, tokenizer_json='' if tokenizer == '{}' else tokenizer)
    except ConfigError as error:
        raise CheckpointError(f'checkpoint {folder} cannot be built: {error}') from error
    _load(vla.backbone.model, vla.backbone.stored_state(), folder / BACKBONE)
    _load(vla.head, vla.head.state_dict(), folder / HEAD)
    if vla.backbone_hash != manifest['backbone_hash']:
        old = config.backbone.kind == 'pretrained' and 'probe' not in manifest
        raise CheckpointError(
            f'checkpoint {folder} was written on another backbone: hash '
            f'{manifest["backbone_hash"][:12]}, but {config.backbone.source or "this program"} '
            f'gives {vla.backbone_hash[:12]}; restore the source it was trained on, and the '
            'versions of transformers and tokenizers'
            + (
                '; or it is of irevla 0.1, whose latents of this family were wrong: train again'
                if old
                else ''
            )
        )
    vla.views = read_views(folder)
    vla.to(device).eval()
    try:
        vla.take_probe(manifest.get('probe'))
    except ConfigError as error:
        raise CheckpointError(f'checkpoint {folder} cannot be used: {error}') from error
    return vla


def load_frozen(folder: str | Path) -> VLA:
    """Return the policy for stage 1: on the best device, its VLM frozen and traced.

    Raises CheckpointError as `load_checkpoint`.
    """
    vla = load_checkpoint(folder, best_device())
    vla.backbone.freeze()
    vla.compile_for_inference()
    return vla


def _load(module: nn.Module, expected: dict[str, Tensor], path: Path) -> None:
    stored = read_weights(path)
    check_fit(path, stored, expected)
    module.load_state_dict(stored, strict=False)
