# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""JSON files that hold either their old or their new content, never a part of it."""

import json
from pathlib import Path
from typing import Any

from irevla_control.files import write_synced


def write_json(path: Path, content: Any) -> None:
    """Replace a file by JSON, wholly or not at all whatever happens; for one writer at a time.

    Raises ValueError on NaN and infinity, which JSON does not have.
    """
    write_synced(path, json.dumps(content, indent=2, allow_nan=False) + '\n')


def json_values(figures: dict[str, float]) -> dict[str, float | None]:
    """Return the figures with None for what is not known: JSON has no NaN."""
    return {name: None if value != value else value for name, value in figures.items()}
