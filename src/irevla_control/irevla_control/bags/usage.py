# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What a loader used of the recordings that it was given, and why not the rest: in one text."""

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
        used: episodes used.
        left_out: name of each other episode to why it was left out, such as 'aborted'.
        others: name of what counts as no episode, such as a copy, to why.
        verb: what was done with those used.
        several: how many of those used have several instructions.

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
    """Write a line beside the progress bars; of several processes of a training the first does."""
    if os.environ.get('RANK', '0') == '0':
        print(text, file=sys.stderr, flush=True)


def _grouped(reasons: Mapping[str, str]) -> str:
    """Return each reason once: how many have it, and the names of the first of these."""
    groups: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        groups.setdefault(reason, []).append(name)
    return '; '.join(
        f'{len(names)} {reason} ({", ".join(names[:_NAMED])}'
        + (f' and {len(names) - _NAMED} more' if len(names) > _NAMED else '')
        + ')'
        for reason, names in groups.items()
    )
