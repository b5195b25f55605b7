# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads and writes checkpoints without loading their VLM."""

from pathlib import Path
import shutil
from typing import Any

from irevla_control.errors import ConfigError
from irevla_policy.checkpoints.files import (
    FILES,
    HEAD,
    CheckpointError,
    check_fit,
    new_checkpoint,
    read_description,
    read_manifest,
    read_weights,
)
from irevla_policy.checkpoints.stage0 import with_stage0
from irevla_policy.checkpoints.views import view_files
from irevla_policy.model.head import Head
from irevla_policy.model.latent_policy import LatentPolicy
from irevla_policy.model.tensors import save_tensors


def load_latent_policy(folder: str | Path) -> LatentPolicy:
    """Return a checkpoint's policy without its VLM, on the CPU.

    Raises CheckpointError if a part of the checkpoint is missing or changed, like
    `load_checkpoint`; the source of the VLM is not checked.
    """
    folder = Path(folder)
    manifest, config, statistics = read_description(folder)
    path = folder / HEAD
    weights = read_weights(path)
    if 'pool.query' not in weights:
        raise CheckpointError(f'{path} contains no head; copy the checkpoint again')
    try:
        head = Head(
            weights['pool.query'].shape[-1],
            statistics.state_size,
            config.head.chunk_size * statistics.action_size,
            config.head.hidden,
            config.head.queries,
        )
    except ConfigError as error:
        raise CheckpointError(f'checkpoint {folder} cannot be built: {error}') from error
    check_fit(path, weights, head.state_dict())
    head.load_state_dict(weights)
    return LatentPolicy(head.eval(), statistics, manifest['backbone_hash'])


def save_latent_policy(
    folder: str | Path,
    source: str | Path,
    policy: LatentPolicy,
    extra: dict[str, Any] | None = None,
) -> None:
    """Write a complete checkpoint with the backbone of ``source`` and this policy's head.

    The settings of stage 0 in the manifest of ``source`` are added to ``extra``.

    Raises CheckpointError if ``source`` has another backbone, other statistics or another shape
    of the head than the policy, or if the folder cannot be written.
    """
    source = Path(source)
    same = load_latent_policy(source)
    if (
        same.backbone_hash != policy.backbone_hash
        or same.statistics.to_dict() != policy.statistics.to_dict()
    ):
        raise CheckpointError(
            f'checkpoint {source} is of another policy than the head; give the '
            'one that it was learned from'
        )
    check_fit(source / HEAD, same.head.state_dict(), policy.head.state_dict())
    probe = read_manifest(source).get('probe')
    with new_checkpoint(folder, policy.backbone_hash, with_stage0(extra, source), probe) as new:
        for name in FILES:
            if name != HEAD:
                shutil.copyfile(source / name, new / name)
        save_tensors(new / HEAD, policy.head.state_dict())
        for path in view_files(source):
            shutil.copyfile(path, new / path.name)
