# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Which message of a topic belongs to an observation: one rule for who records and who reads."""

from argparse import ArgumentParser, ArgumentTypeError
from bisect import bisect_right
from collections.abc import Sequence
import math


def checked_skew_s(value: str | float) -> float:
    """Return a ``max_skew_s`` [s] as a number; ValueError when it is none that can be."""
    seconds = float(value)
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(f'max_skew_s is {value}; a number of seconds, 0 or more, is needed')
    return seconds


def add_max_skew_s(parser: ArgumentParser) -> None:
    """Add --max-skew-s to a program that reads bags."""
    def seconds(text: str) -> float:
        try:
            return checked_skew_s(text)
        except ValueError as error:
            raise ArgumentTypeError(
                f'{text}: a number of seconds, 0 or more, is needed') from error
    parser.add_argument('--max-skew-s', type=seconds, metavar='SECONDS',
                        help='how much older than an observation its images and state may be; '
                        'default: as it was recorded')


def joined(known: Sequence[int], stamps: Sequence[int], max_skew_ns: int) -> list[int | None]:
    """Return for each stamp the newest of the known ones up to it, or None when that is too old.

    Args:
        known: stamps of a topic's messages, ascending [ns].
        stamps: of observations [ns].
        max_skew_ns: how much older the message may be.

    """
    found: list[int | None] = []
    for stamp in stamps:
        place = bisect_right(known, stamp)
        fits = place and stamp - known[place - 1] <= max_skew_ns
        found.append(known[place - 1] if fits else None)
    return found


def misfit(known: Sequence[int], stamps: Sequence[int], max_skew_ns: int) -> str:
    """Return by how much the messages miss the stamps that have none, '' where all have one.

    The arguments are those of `joined`.
    """
    missed = [stamp for stamp, part in zip(stamps, joined(known, stamps, max_skew_ns))
              if part is None]
    if not missed:
        return ''
    if not known:
        return 'has no messages'
    places = [(stamp, bisect_right(known, stamp)) for stamp in missed]
    older = [stamp - known[place - 1] for stamp, place in places if place]
    if older:
        return f'is {_range_ms(older)} ms older than the observation'
    return (f'is {_range_ms([known[place] - stamp for stamp, place in places])} ms newer than '
            'the observation')


def _range_ms(times: Sequence[int]) -> str:
    least, most = (f'{each * 1e-6:.1f}' for each in (min(times), max(times)))
    return least if least == most else f'{least} to {most}'
