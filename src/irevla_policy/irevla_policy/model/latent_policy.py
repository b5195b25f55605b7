# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy without its VLM: stage 1 freezes that, so a learner on latents never loads it."""

from dataclasses import dataclass
import hashlib

from irevla_policy.model.head import Head
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.tensors import tensor_bytes


@dataclass(frozen=True)
class LatentPolicy:
    """What of a policy acts on latents.

    Attributes:
        head: maps latent and normalised state to a flat chunk of k normalised actions.
        statistics: of states and actions.
        backbone_hash: of what the latents come from; those of two hashes never mix.

    """

    head: Head
    statistics: Statistics
    backbone_hash: str

    @property
    def chunk_size(self) -> int:
        """The number k of actions that one pass decides."""
        return self.head.output_size // self.statistics.action_size

    def digest(self) -> str:
        """Return a hash of all weights, the VLM's too, to tell what a training began with."""
        digest = hashlib.sha256(self.backbone_hash.encode())
        for tensor in self.head.state_dict().values():
            digest.update(tensor_bytes(tensor))
        return digest.hexdigest()[:16]
