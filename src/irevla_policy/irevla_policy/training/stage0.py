# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What stage 2 leaves out of its settings: those of stage 0, from the policy's checkpoint."""

from pathlib import Path

from irevla_control.errors import ConfigError
from irevla_policy.checkpoints.stage0 import recorded_stage0
from irevla_policy.renamed_settings import with_new_names
from irevla_policy.settings import SettingError, build
from irevla_policy.training.config import TrainConfig


def stage0_settings(checkpoint: str | Path) -> TrainConfig | None:
    """Return the settings of stage 0 that a checkpoint records; None where it records none.

    Raises:
        CheckpointError: there is no checkpoint.
        ConfigError: it records settings that this program does not know.

    """
    recorded = recorded_stage0(checkpoint)
    try:
        return None if recorded is None else build(TrainConfig, with_new_names(recorded))
    except SettingError as error:
        raise ConfigError(f'checkpoint {checkpoint} records settings of stage 0 that do not fit: '
                          f'{error}; use the program that wrote it, or train again') from error
