# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from irevla_control.recording.routing import Age, Position, Route, route

WAIT, WRITE, DROP = Route.WAIT, Route.WRITE, Route.DROP


@pytest.mark.parametrize('position', Position)
@pytest.mark.parametrize('behind_another', [False, True])
def test_fresh_message_waits_for_messages_received_before(position, behind_another):
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
def test_settled_message_is_routed_unless_a_later_event_may_change_it(position, expected):
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
def test_overdue_message_is_routed_to_its_most_likely_place(position, expected, behind_another):
    assert route(position, Age.OVERDUE, behind_another) is expected


def test_the_running_episodes_bag_keeps_the_order_of_messages():
    assert route(Position.WITHIN, Age.SETTLED, behind_another=True) is WAIT
    assert route(Position.BEFORE, Age.SETTLED, behind_another=True) is DROP
