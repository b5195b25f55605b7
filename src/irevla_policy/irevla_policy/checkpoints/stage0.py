# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The settings of stage 0 in a manifest; each later policy copies them."""

from pathlib import Path
from typing import Any

from irevla_policy.checkpoints.files import read_manifest

STAGE0 = 'stage0'


def recorded_stage0(folder: str | Path) -> dict[str, Any] | None:
    """Return the settings of the stage 0 from which a policy was learned; None if unknown.

    Raises CheckpointError like `read_manifest`.
    """
    extra = read_manifest(folder)['extra']
    # Manifests without the key contain the settings of their own training only.
    return extra.get(STAGE0, extra.get('training'))


def with_stage0(extra: dict[str, Any] | None, source: str | Path) -> dict[str, Any]:
    """Return plain data for a manifest with the settings of stage 0 that ``source`` records."""
    recorded = recorded_stage0(source)
    return {**(extra or {}), **({} if recorded is None else {STAGE0: recorded})}
