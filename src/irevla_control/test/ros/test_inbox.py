# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Raw messages are taken in time; lost ones are counted."""

import threading
import time

import pytest
import rclpy
from rclpy.exceptions import InvalidHandle
from std_msgs.msg import Header

from irevla_control.cdr import stamp_of
from irevla_control.ros.conversions import ns_to_stamp
from irevla_control.ros.inbox import Inbox, Polled, Stream
from irevla_control.ros.qos import RECORD

pytestmark = pytest.mark.usefixtures('ros')


@pytest.fixture
def node():
    result = rclpy.create_node('inbox_test')
    yield result
    result.destroy_node()


def open_inbox(node, most_bytes, period_s=0.01):
    stream = Stream(
        node.create_subscription(
            Header, 'numbers', lambda data: None, RECORD, raw=True, callback_group=Polled()
        )
    )
    publisher = node.create_publisher(Header, 'numbers', RECORD)
    end = time.monotonic() + 10
    while not publisher.get_subscription_count():
        assert time.monotonic() < end
        time.sleep(0.01)
    woken = threading.Event()
    return publisher, Inbox({'/numbers': stream}, period_s, most_bytes, woken.set), woken


def publish(publisher, numbers):
    for number in numbers:
        publisher.publish(Header(stamp=ns_to_stamp(number)))


def take_until(inbox, count, seconds=10.0):
    messages, end = [], time.monotonic() + seconds
    while len(messages) < count:
        assert time.monotonic() < end, f'{len(messages)} of {count}'
        for batch, _ in inbox.take():
            assert all(message[1] <= time.time_ns() for message in batch)
            messages += batch
        time.sleep(0.01)
    return messages


def test_messages_are_taken_while_their_owner_does_not_read(node):
    publisher, inbox, woken = open_inbox(node, 10**9)
    before = time.time_ns()
    for start in range(0, 1000, 100):
        publish(publisher, range(start, start + 100))
        time.sleep(0.05)
    messages = take_until(inbox, 1000)
    inbox.close()
    assert woken.is_set()
    assert [stamp_of(data) for _, _, data, _, _ in messages] == list(range(1000))
    assert all(before <= received <= time.time_ns() for _, received, _, _, _ in messages)
    assert [sequence for *_, sequence, _ in messages] == list(range(1, 1001))
    assert not any(lost for *_, lost in messages)


def test_with_too_many_pending_bytes_the_loss_is_counted(node):
    publisher, inbox, _ = open_inbox(node, 1)
    publish(publisher, [0])
    time.sleep(0.3)
    # One pending message exceeds the limit: the middleware keeps the last 200 of the next 500.
    publish(publisher, range(1, 501))
    time.sleep(0.3)
    messages = take_until(inbox, 201)
    inbox.close()
    stamps = [stamp_of(data) for _, _, data, _, _ in messages]
    assert stamps == [0, *range(301, 501)]
    assert sum(lost for *_, lost in messages) == 300


def test_an_exception_of_the_thread_is_raised_once_after_the_messages_before_it(node):
    publisher, inbox, woken = open_inbox(node, 10**9)
    publish(publisher, [0])
    assert woken.wait(10)
    woken.clear()
    node.destroy_subscription(next(iter(node.subscriptions)))
    assert woken.wait(10)
    batches = inbox.take()
    assert len(next(batches)[0]) == 1
    with pytest.raises(InvalidHandle):
        list(batches)
    assert list(inbox.take()) == []
    inbox.close()
