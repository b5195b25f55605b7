# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Limits of a recorder, and its requirements of a recording."""

from dataclasses import dataclass

from irevla_control.parameters.parameter import MAX_SKEW
from irevla_control.parameters.parameter_fields import parameter, parameter_field


@dataclass(frozen=True)
class Limits:
    """Limits of a recorder.

    The bags contain `max_skew_s` for their readers.

    Attributes:
        hold_bytes: largest memory for messages that wait for the event of their episode [bytes].
        min_free_bytes: free disk space below which nothing is recorded [bytes].
        cameras: image topics that each observation needs.
        from_start: topics that must have a message of each episode's first stamp; without it, the
            recording started too late and has failed.

    """

    grace_s: float = parameter(
        0.5, "time for messages after their episode's last event [s]", 0.0, 60.0
    )
    hold_s: float = parameter(
        1.0, "longest wait for the event that tells a message's episode [s]", 0.0, 60.0
    )
    hold_bytes: int = 256_000_000
    sync_s: float = parameter(
        5.0, 'time between two syncs of the open bag to the disk [s]', 0.1, 3600.0
    )
    min_free_bytes: int = 500_000_000
    cameras: tuple[str, ...] = ()
    max_skew_s: float = parameter_field(MAX_SKEW)
    max_dropped_share: float = parameter(
        0.1,
        "share of an episode's steps that may lack a complete observation, which readers "
        'leave out; an episode with more counts as aborted, and is played again',
        0.0,
        1.0,
    )
    from_start: tuple[str, ...] = ()
