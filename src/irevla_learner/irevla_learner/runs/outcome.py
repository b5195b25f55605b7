# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The outcome of a finished stage 1: `stage1.json` in its folder."""

import json
from pathlib import Path
from typing import Any

from irevla_learner.json_file import write_json

OUTCOME = 'stage1.json'


def write_outcome(folder: Path, env_steps: int, updates: int, episodes: int) -> None:
    """Write the outcome of a finished stage 1; call it after its checkpoint is written."""
    write_json(
        folder / OUTCOME, {'env_steps': env_steps, 'updates': updates, 'rl_episodes': episodes}
    )


def read_outcome(folder: Path) -> dict[str, Any] | None:
    """Return the outcome of a stage 1; None if it is not finished."""
    path = folder / OUTCOME
    return json.loads(path.read_text()) if path.exists() else None
