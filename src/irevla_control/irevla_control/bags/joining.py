# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Which message of a topic belongs to an observation: the same rule for recorder and readers."""

from argparse import ArgumentParser, ArgumentTypeError
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
import json
import math

# Ends of the names of topics that a complete step needs.
STEP_TOPICS = ('/episode', '/command', '/robot_state', '/image_raw')


def checked_skew_s(value: str | float) -> float:
    """Return a ``max_skew_s`` [s] as a number; ValueError if it is not valid."""
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
                f'{text}: a number of seconds, 0 or more, is needed'
            ) from error

    parser.add_argument(
        '--max-skew-s',
        type=seconds,
        metavar='SECONDS',
        help='how much older than an observation its images and state may be; '
        'default: as it was recorded',
    )


def joined(known: Sequence[int], stamps: Sequence[int], max_skew_ns: int) -> list[int | None]:
    """Return for each observation the newest message stamp up to it, or None if it is too old.

    Args:
        known: stamps of a topic's messages, ascending [ns].
        stamps: stamps of the observations [ns].
        max_skew_ns: largest age of the message at the observation [ns].

    """
    found: list[int | None] = []
    for stamp in stamps:
        place = bisect_right(known, stamp)
        fits = place and stamp - known[place - 1] <= max_skew_ns
        found.append(known[place - 1] if fits else None)
    return found


def misfit(known: Sequence[int], stamps: Sequence[int], max_skew_ns: int) -> str:
    """Return how far the messages are from observations without one; '' if all have one.

    The arguments are those of `joined`.
    """
    missed = [
        stamp for stamp, part in zip(stamps, joined(known, stamps, max_skew_ns)) if part is None
    ]
    if not missed:
        return ''
    if not known:
        return 'has no messages'
    places = [(stamp, bisect_right(known, stamp)) for stamp in missed]
    older = [stamp - known[place - 1] for stamp, place in places if place]
    if older:
        return f'is {_range_ms(older)} ms older than the observation'
    return (
        f'is {_range_ms([known[place] - stamp for stamp, place in places])} ms newer than '
        'the observation'
    )


def _range_ms(times: Sequence[int]) -> str:
    least, most = (f'{each * 1e-6:.1f}' for each in (min(times), max(times)))
    return least if least == most else f'{least} to {most}'


class StepCount:
    """Counts the steps that a reader will drop, from the stamps of an episode's messages.

    A step is a command that answers an observation. It is dropped if a camera or the robot's
    state has no message for that observation.
    """

    def __init__(
        self, cameras: Collection[str], max_skew_s: float, max_dropped_share: float
    ) -> None:
        """Expect these image topics, and a topic that ends in /robot_state.

        Args:
            cameras: resolved names of the image topics.
            max_skew_s: largest age of a part at the observation [s].
            max_dropped_share: share of dropped steps above which `problem` is not ''.

        """
        self._max_skew_s, self._max_dropped_share = max_skew_s, max_dropped_share
        self._images: dict[str, set[int]] = {camera: set() for camera in cameras}
        self._states: set[int] = set()
        self._commands: set[int] = set()
        self._running: set[int] = set()

    @classmethod
    def from_about(cls, about: Mapping[str, str]) -> 'StepCount | None':
        """Return an empty count with the rule in a bag's metadata; None if it has none."""
        if 'cameras' not in about:
            return None
        return cls(
            json.loads(about['cameras']),
            checked_skew_s(about['max_skew_s']),
            float(about['max_dropped_share']),
        )

    def about(self) -> dict[str, str]:
        """Return the rule as metadata for the beginning of a bag."""
        return {
            'max_skew_s': str(self._max_skew_s),
            'cameras': json.dumps(list(self._images)),
            'max_dropped_share': str(self._max_dropped_share),
        }

    def add(self, topic: str, stamp: int) -> None:
        """Add a recorded message by its stamp [ns]; topics that no step needs are ignored."""
        if topic in self._images:
            self._images[topic].add(stamp)
        elif topic.endswith('/robot_state'):
            self._states.add(stamp)
        elif topic.endswith('/command'):
            self._commands.add(stamp)

    def event(self, stamp: int, ended: bool) -> None:
        """Add an `episode` message by its stamp [ns]; no command answers the last observation."""
        (self._running.discard if ended else self._running.add)(stamp)

    def _missing(self) -> dict[str, set[int]]:
        """Return for each topic the steps without a message of it."""
        steps, skew = sorted(self._commands & self._running), round(self._max_skew_s * 1e9)
        return {
            topic: {
                step
                for step, part in zip(steps, joined(sorted(known), steps, skew))
                if part is None
            }
            for topic, known in (*self._images.items(), ('/robot_state', self._states))
        }

    @property
    def dropped(self) -> int:
        """Number of steps without a complete observation."""
        return len(set().union(*self._missing().values()))

    def problem(self) -> str:
        """Return why the episode cannot be a demonstration, or ''."""
        steps, by_topic = len(self._commands & self._running), self._missing()
        dropped = len(set().union(*by_topic.values()))
        if dropped <= self._max_dropped_share * steps:
            return ''
        missing = ', '.join(
            f'{len(found)} lack {topic}' for topic, found in by_topic.items() if found
        )
        return (
            f'{dropped} of {steps} steps have no complete observation ({missing}, or have it '
            f'only older than max_skew_s, {self._max_skew_s:g} s); max_dropped_share is '
            f'{self._max_dropped_share:g}'
        )
