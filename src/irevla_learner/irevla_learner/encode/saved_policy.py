# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy on disk, for work that may turn out to need no VLM."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from irevla_policy.checkpoints.files import read_description
from irevla_policy.checkpoints.latent_checkpoint import load_latent_policy
from irevla_policy.model.vla import VLA


class SavedPolicy:
    """A checkpoint whose VLM is loaded when `vla` is first read.

    Attributes:
        config: configuration of the policy.
        latent_policy: the policy without its VLM.

    """

    def __init__(self, checkpoint: Path, load: Callable[[Path], VLA]) -> None:
        """Read all but the VLM; ``load`` returns the whole policy of a checkpoint.

        Raises:
            CheckpointError: a part of the checkpoint is missing or changed.

        """
        self._checkpoint, self._load = checkpoint, load
        self.config = read_description(checkpoint)[1]
        self.latent_policy = load_latent_policy(checkpoint)

    @cached_property
    def vla(self) -> VLA:
        """The whole policy."""
        return self._load(self._checkpoint)
