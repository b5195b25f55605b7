# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a waiting message is written, dropped, or waits on: a table of its place and its age."""

import enum


class Position(enum.Enum):
    """Where the stamp of a message lies among the episodes that are open."""

    # Between the first and the newest event of one; a message without a stamp is within the
    # running one.
    WITHIN = enum.auto()
    # Before the running one, and in none that is being closed.
    BEFORE = enum.auto()
    # After the newest event of the running one: the next event shows whether it belongs to it.
    AHEAD = enum.auto()
    # While none runs, in none that is being closed: the next event shows it.
    BETWEEN = enum.auto()


class Age(enum.IntEnum):
    """How long a message has waited; the columns of the table."""

    # Messages of other topics that were received before it may still come.
    FRESH = 0
    SETTLED = 1
    # It may wait no longer, or too many wait.
    OVERDUE = 2


class Route(enum.Enum):
    """What happens to a message."""

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
    """Return what happens to a message now.

    ``behind_another``: an older message waits, and both may belong to the running episode, whose
    bag keeps the order; one that is overdue does not wait for it.
    """
    found = _ROUTES[position][age]
    if found is Route.WRITE and behind_another and age is not Age.OVERDUE:
        return Route.WAIT
    return found
