# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What stage 2 leaves out of its settings: those of stage 0, from the policy's checkpoint."""

from pathlib import Path

from irevla_control.errors import ConfigError
from irevla_policy.checkpoints.stage0 import recorded_stage0
from irevla_policy.renamed_settings import with_new_names
from irevla_policy.settings import SettingError, build
from irevla_policy.training.config import TrainConfig


def stage0_settings(checkpoint: str | Path, *, tell: bool = True) -> TrainConfig | None:
    """Return the settings of stage 0 that a checkpoint records; None where it records none.

    Prints a line then, unless ``tell`` is false: stage 2 will take the built-in ones.

    Raises:
        CheckpointError: there is no checkpoint.
        ConfigError: it records settings that this program does not know.

    """
    recorded = recorded_stage0(checkpoint)
    if recorded is None:
        if tell:
            print(
                f'checkpoint {checkpoint} records no settings of stage 0: the built-in ones are '
                'used for what the settings of stage 2 leave out',
                flush=True,
            )
        return None
    try:
        return build(TrainConfig, with_new_names(recorded))
    except SettingError as error:
        raise ConfigError(
            f'checkpoint {checkpoint} records settings of stage 0 that do not fit: '
            f'{error}; use the program that wrote it, or train again'
        ) from error
