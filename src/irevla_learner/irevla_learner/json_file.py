# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""JSON files that are replaced atomically."""

import json
from pathlib import Path
from typing import Any

from irevla_control.files import write_synced, writing


def write_json(path: Path, content: Any) -> None:
    """Replace a file by JSON atomically; for one writer at a time.

    Raises:
        ValueError: NaN or infinity, which JSON does not have.
        ConfigError: the disk is full, or the file cannot be written for another reason.

    """
    text = json.dumps(content, indent=2, allow_nan=False) + '\n'
    with writing(path, 'free some space, and start again'):
        write_synced(path, text)


def json_values(figures: dict[str, float]) -> dict[str, float | None]:
    """Return the figures with None in place of NaN, which JSON does not have."""
    return {name: None if value != value else value for name, value in figures.items()}
