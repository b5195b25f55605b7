# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The result of a check."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Status = Literal['ok', 'warning', 'problem', 'not applicable']


@dataclass(frozen=True)
class Result:
    """What a check found.

    Attributes:
        status: 'problem' if the suite cannot work so, 'warning' if it works worse.
        found: the finding, in one line.
        remedy: what to do, in one line; '' if there is nothing to do.

    """

    status: Status
    found: str
    remedy: str = ''


def ok(found: str) -> Result:
    """Return that all is well."""
    return Result('ok', found)


def warning(found: str, remedy: str) -> Result:
    """Return that the suite works worse than it could."""
    return Result('warning', found, remedy)


def problem(found: str, remedy: str) -> Result:
    """Return that the suite cannot work."""
    return Result('problem', found, remedy)


def not_applicable(found: str) -> Result:
    """Return that there is nothing to check."""
    return Result('not applicable', found)


def for_arm(with_robot: bool, found: str, remedy: str) -> Result:
    """Return what only a real arm needs: a problem if there is one, else a warning."""
    if with_robot:
        return problem(found, remedy)
    return warning(f'{found} (only a real arm needs it)', remedy)


def read_text(path: Path) -> str:
    """Return the text of a file of the system without white space around it; '' if unreadable."""
    try:
        return path.read_text(errors='replace').strip()
    except OSError:
        return ''
