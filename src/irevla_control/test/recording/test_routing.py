# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from irevla_control.recording.routing import Age, Position, Route, route

WAIT, WRITE, DROP = Route.WAIT, Route.WRITE, Route.DROP


@pytest.mark.parametrize('position', Position)
@pytest.mark.parametrize('behind_another', [False, True])
def test_nothing_is_decided_while_messages_received_before_may_still_come(
    position, behind_another
):
    assert route(position, Age.FRESH, behind_another) is WAIT


@pytest.mark.parametrize(
    'position, expected',
    [
        (Position.WITHIN, WRITE),
        (Position.BEFORE, DROP),
        (Position.AHEAD, WAIT),
        (Position.BETWEEN, WAIT),
    ],
)
def test_only_what_no_later_event_changes_is_decided(position, expected):
    assert route(position, Age.SETTLED, False) is expected


@pytest.mark.parametrize(
    'position, expected',
    [
        (Position.WITHIN, WRITE),
        (Position.BEFORE, DROP),
        (Position.AHEAD, WRITE),
        (Position.BETWEEN, DROP),
    ],
)
@pytest.mark.parametrize('behind_another', [False, True])
def test_what_waited_too_long_goes_where_it_most_likely_belongs(
    position, expected, behind_another
):
    assert route(position, Age.OVERDUE, behind_another) is expected


def test_the_running_episodes_bag_keeps_the_order_of_messages():
    assert route(Position.WITHIN, Age.SETTLED, behind_another=True) is WAIT
    assert route(Position.BEFORE, Age.SETTLED, behind_another=True) is DROP
