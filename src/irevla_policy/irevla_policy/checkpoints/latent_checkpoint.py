# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy without its VLM: stage 1 freezes that, so a learner on latents never loads it."""

from dataclasses import dataclass
import hashlib
from pathlib import Path
import shutil
from typing import Any

from safetensors.torch import save_file

from irevla_policy.checkpoints.files import (
    FILES,
    HEAD,
    CheckpointError,
    check_fit,
    new_checkpoint,
    read_description,
    read_weights,
)
from irevla_policy.model.head import Head
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.tensors import plain, tensor_bytes


@dataclass(frozen=True)
class LatentPolicy:
    """What of a policy acts on latents.

    Attributes:
        head: maps latent and normalised state to normalised actions.
        statistics: of states and actions.
        backbone_hash: of what the latents come from; those of two hashes never mix.

    """

    head: Head
    statistics: Statistics
    backbone_hash: str

    def digest(self) -> str:
        """Return a hash of all weights, the VLM's too, to tell what a training began with."""
        digest = hashlib.sha256(self.backbone_hash.encode())
        for tensor in self.head.state_dict().values():
            digest.update(tensor_bytes(tensor))
        return digest.hexdigest()[:16]


def load_latent_policy(folder: str | Path) -> LatentPolicy:
    """Return a checkpoint's policy without its VLM, on the CPU.

    Raises CheckpointError when anything of the checkpoint is missing or altered, as
    `load_checkpoint`; whether its VLM's source is still the same is not looked at.
    """
    folder = Path(folder)
    manifest, config, statistics = read_description(folder)
    path = folder / HEAD
    weights = read_weights(path)
    if 'pool.query' not in weights:
        raise CheckpointError(f'{path} holds no head; copy the checkpoint again')
    head = Head(weights['pool.query'].numel(), statistics.state_size, statistics.action_size,
                config.head.hidden)
    check_fit(path, weights, head.state_dict())
    head.load_state_dict(weights)
    return LatentPolicy(head.eval(), statistics, manifest['backbone_hash'])


def save_latent_policy(folder: str | Path, source: str | Path, policy: LatentPolicy,
                       extra: dict[str, Any] | None = None) -> None:
    """Write a whole checkpoint: that of ``source``, with this head, as `save_checkpoint` does.

    Raises CheckpointError when ``source`` has another backbone, other statistics or another
    shape of the head than the policy, or when the folder cannot be written.
    """
    source = Path(source)
    same = load_latent_policy(source)
    if same.backbone_hash != policy.backbone_hash or \
            same.statistics.to_dict() != policy.statistics.to_dict():
        raise CheckpointError(f'checkpoint {source} is of another policy than the head; give the '
                              'one that it was learned from')
    check_fit(source / HEAD, same.head.state_dict(), policy.head.state_dict())
    with new_checkpoint(folder, policy.backbone_hash, extra) as new:
        for name in FILES:
            if name != HEAD:
                shutil.copyfile(source / name, new / name)
        save_file(plain(policy.head.state_dict()), new / HEAD)
