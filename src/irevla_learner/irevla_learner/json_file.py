# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""JSON files that are replaced atomically."""

import json
from pathlib import Path
from typing import Any

from irevla_control.files import write_synced


def write_json(path: Path, content: Any) -> None:
    """Replace a file by JSON atomically; for one writer at a time.

    Raises ValueError on NaN and infinity, which JSON does not have.
    """
    write_synced(path, json.dumps(content, indent=2, allow_nan=False) + '\n')


def json_values(figures: dict[str, float]) -> dict[str, float | None]:
    """Return the figures with None in place of NaN, which JSON does not have."""
    return {name: None if value != value else value for name, value in figures.items()}
