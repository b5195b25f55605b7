# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Counts the publishers that really send; ROS also lists silent and killed ones."""

from dataclasses import dataclass
import time
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription

from irevla_control.errors import ConfigError
from irevla_control.ros.inbox import Polled

# Time without a message after which a publisher no longer counts [s].
LIVE_S = 1.0
# Time after a node's first message during which other publishers are detected [s].
LOOK_S = 5.0
# Time allowed for discovery of a node's name after its first message [s].
NAMED_WITHIN_S = 1.0
# Poll period of arrived messages [s].
POLL_S = 0.01


@dataclass
class _Sender:
    number: int
    last_s: float


class LivePublishers:
    """Counts the publishers that send on one topic, by the sequence numbers of its messages.

    A message does not name its publisher, but each publisher numbers its messages upwards: a
    number below the last one of every known publisher belongs to a new publisher.
    """

    def __init__(self, live_s: float = LIVE_S) -> None:
        """Start without publishers; one without messages for ``live_s`` is removed."""
        self._live_s = live_s
        self._senders: list[_Sender] = []

    def update(self, number: int, now: float) -> int:
        """Take a message's sequence number; return the number of live publishers.

        Args:
            number: sequence number; 0 if the middleware has none, so all count as one publisher.
            now: steady time of the arrival [s].

        """
        self._senders = [each for each in self._senders if now - each.last_s <= self._live_s]
        before = [each for each in self._senders if each.number < number or not number]
        if before:
            sender = max(before, key=lambda each: each.number)
            sender.number, sender.last_s = number, now
        else:
            self._senders.append(_Sender(number, now))
        return len(self._senders)


class Commanders:
    """Refuses commands while more than one publisher sends them to a node."""

    def __init__(self, node: Node, topic: str) -> None:
        """Monitor the publishers of a topic that the node subscribes to."""
        self._node, self._topic = node, topic
        self._live = LivePublishers()
        self._listed: list[str] = []

    def problem(self, info: dict[str, Any]) -> str:
        """Take the information of a message; return why the message is refused, or ''."""
        number = info.get('publication_sequence_number') or 0
        count = self._live.update(number, time.monotonic())
        if count < 2:
            return ''
        return (
            f'{count} nodes send on {self._topic} at once; the arm holds until only one of '
            f'{", ".join(publisher_names(self._node, self._topic))} sends'
        )

    def log_listed(self) -> None:
        """Log the listed publishers, once per change, if there is more than one."""
        listed = publisher_names(self._node, self._topic)
        if len(listed) > 1 and listed != self._listed:
            self._node.get_logger().info(
                f'{self._topic} lists {", ".join(listed)}; the silent ones are ignored'
            )
        self._listed = listed


class SolePublisher:
    """Ends a node if another node already publishes on its topic."""

    def __init__(self, node: Node, kind: type, topic: str, qos: QoSProfile, remedy: str) -> None:
        """Subscribe to the topic; ``remedy`` is the end of the error text."""
        self._node, self._topic, self._remedy = node, topic, remedy
        self._live, self._end = LivePublishers(), float('inf')
        # Raw and polled, because only the sequence numbers matter.
        self._subscription: Subscription | None = node.create_subscription(
            kind, topic, lambda _: None, qos, raw=True, callback_group=Polled()
        )

    def listen(self, seconds: float) -> None:
        """Check for a while, before this node's first message, that no other node publishes.

        A listed publisher that sends nothing, such as a killed one, is logged and ignored.

        Raises:
            ConfigError: another node publishes; the text names it.

        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._taken():
                raise self._error(self._names())
            time.sleep(POLL_S)
        silent = self._names()
        if silent:
            self._node.get_logger().info(
                f'{self._topic} lists {", ".join(silent)} too, which sent nothing for '
                f'{seconds:g} s and is ignored'
            )

    def check(self) -> None:
        """Check that this node publishes alone; call often. Ends after ``LOOK_S``.

        Two nodes that start at once receive nothing in `listen`, and detect each other here.

        Raises:
            ConfigError: another node publishes too; the text names it.

        """
        if self._subscription is None:
            return
        if any(self._live.update(number, time.monotonic()) > 1 for number in self._taken()):
            others = self._names()
            if (own := self._node.get_fully_qualified_name()) in others:
                others.remove(own)
            raise self._error(others)
        self._end = min(self._end, time.monotonic() + LOOK_S)
        if time.monotonic() >= self._end:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _taken(self) -> list[int]:
        """Return the sequence numbers of the messages since the last call."""
        numbers: list[int] = []
        if self._subscription is None:
            return numbers
        handle, kind = self._subscription.handle, self._subscription.msg_type
        with handle:
            while taken := handle.take_message(kind, True):
                numbers.append(taken[1].get('publication_sequence_number') or 0)
        return numbers

    def _names(self) -> list[str]:
        """Return the listed publishers, once the middleware knows their names."""
        end = time.monotonic() + NAMED_WITHIN_S
        while True:
            names = publisher_names(self._node, self._topic)
            if not any('UNKNOWN' in name for name in names) or time.monotonic() > end:
                return names
            time.sleep(POLL_S)

    def _error(self, names: list[str]) -> ConfigError:
        return ConfigError(
            f'{", ".join(names) or "another node"} already publishes {self._topic}; {self._remedy}'
        )


def publisher_names(node: Node, topic: str) -> list[str]:
    """Return the full names of the nodes listed as publishers of a topic, sorted."""
    return sorted(
        f'{each.node_namespace.rstrip("/")}/{each.node_name}'
        for each in node.get_publishers_info_by_topic(node.resolve_topic_name(topic))
    )
