# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What bounds a recorder, and what it asks of a recording."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of a recorder.

    Attributes:
        grace_s: time for messages that come after their episode's last event.
        hold_s, hold_bytes: how long, and how much, waits for the event that tells its episode.
        sync_s: time between two syncs of the open bag.
        min_free_bytes: of the disk, below which nothing is recorded.
        cameras: topics of images that each observation needs.
        max_skew_s: how much older than its stamp the parts of an observation may be; the bags
            tell it to who reads them.
        max_dropped_share: of an episode's steps, which may lack a complete observation; with more
            its recording failed.
        from_start: topics with a message of each episode's first stamp; a recording without one
            began too late, and is no whole episode.

    """

    grace_s: float = 0.5
    hold_s: float = 1.0
    hold_bytes: int = 256_000_000
    sync_s: float = 5.0
    min_free_bytes: int = 500_000_000
    cameras: tuple[str, ...] = ()
    max_skew_s: float = 0.0
    max_dropped_share: float = 0.1
    from_start: tuple[str, ...] = ()
