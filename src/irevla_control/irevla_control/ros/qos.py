# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The QoS profiles of all nodes of the suite."""

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def _reliable(depth: int, durability: DurabilityPolicy = DurabilityPolicy.VOLATILE) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=durability,
    )


# Cameras, robot and simulator state. Reliable with a short history: a slow reader misses frames,
# a lock-step reader misses none, and readers of either reliability match.
OBSERVATION = _reliable(2)
# Commands: every one counts, none is kept for late joiners.
COMMAND = _reliable(1)
# Episode state, recordings, policy versions: rare, and a late joiner needs the last.
EVENT = _reliable(10, DurabilityPolicy.TRANSIENT_LOCAL)
# Policy steps, and a recorder's subscriptions: room for bursts while a reader or disk is slow.
RECORD = _reliable(200)
# The recorder's view of `episode`: the same room, and the event it may have come too late for.
RECORD_EVENT = _reliable(200, DurabilityPolicy.TRANSIENT_LOCAL)
# Images and commands for a page that shows some of them: it is sent each once, at most the newest.
WATCHED = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT
)
