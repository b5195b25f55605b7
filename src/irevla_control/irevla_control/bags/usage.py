# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A text with the number of recordings that a loader used, and the reasons against others."""

from collections.abc import Mapping
import os
import sys

_NAMED = 3


def usage(
    used: int,
    left_out: Mapping[str, str],
    others: Mapping[str, str] | None = None,
    verb: str = 'used',
    several: int = 0,
) -> str:
    """Return 'used N of M episodes, because ...'.

    Args:
        used: number of episodes used.
        left_out: reason for each episode left out, such as 'aborted', by name.
        others: reason for each item that counts as no episode, such as a copy, by name.
        verb: verb in the place of 'used'.
        several: number of used episodes with several instructions.

    """
    text = f'{verb} {used} of {used + len(left_out)} episodes'
    if left_out:
        text += f', because {_grouped(left_out)}'
    if several:
        text += f'; {several} of them with several instructions'
    if others:
        text += f'; not counted: {_grouped(others)}'
    return text


def say(text: str) -> None:
    """Write a line between progress bars, in the first process of a training only."""
    if os.environ.get('RANK', '0') == '0':
        print(text, file=sys.stderr, flush=True)


def _grouped(reasons: Mapping[str, str]) -> str:
    """Return each reason with the number of its items and the names of the first."""
    groups: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        groups.setdefault(reason, []).append(name)
    return '; '.join(
        f'{len(names)} {reason} ({", ".join(names[:_NAMED])}'
        + (f' and {len(names) - _NAMED} more' if len(names) > _NAMED else '')
        + ')'
        for reason, names in groups.items()
    )
