# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Decides whether a waiting message is written, dropped or kept, by its position and age."""

import enum


class Position(enum.Enum):
    """Position of a message's stamp relative to the open episodes."""

    # Between the first and the newest event of an open episode; a message without a stamp counts
    # as within the running episode.
    WITHIN = enum.auto()
    # Before the running episode, and not within an episode that is being closed.
    BEFORE = enum.auto()
    # After the newest event of the running episode; the next event shows whether it is within.
    AHEAD = enum.auto()
    # No episode runs, and it is not within one that is being closed; the next event shows it.
    BETWEEN = enum.auto()


class Age(enum.IntEnum):
    """Waiting time of a message; a column of the table."""

    # Earlier messages of other topics may still arrive.
    FRESH = 0
    SETTLED = 1
    # Its waiting time or the memory of all waiting messages exceeds the limit.
    OVERDUE = 2


class Route(enum.Enum):
    """What the recorder does with a message."""

    WAIT = enum.auto()
    WRITE = enum.auto()
    DROP = enum.auto()


_ROUTES = {
    #                  FRESH       SETTLED      OVERDUE
    Position.WITHIN: (Route.WAIT, Route.WRITE, Route.WRITE),
    Position.BEFORE: (Route.WAIT, Route.DROP, Route.DROP),
    Position.AHEAD: (Route.WAIT, Route.WAIT, Route.WRITE),
    Position.BETWEEN: (Route.WAIT, Route.WAIT, Route.DROP),
}


def route(position: Position, age: Age, behind_another: bool) -> Route:
    """Return what the recorder does with a message now.

    ``behind_another``: an older message waits that may belong to the same running episode. The
    message then waits too, to keep the bag's order, unless it is overdue.
    """
    found = _ROUTES[position][age]
    if found is Route.WRITE and behind_another and age is not Age.OVERDUE:
        return Route.WAIT
    return found
