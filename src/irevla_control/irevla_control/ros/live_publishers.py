# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Who really sends on a topic: the list of publishers also has silent and killed ones."""

from dataclasses import dataclass
import time
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile

from irevla_control.errors import ConfigError
from irevla_control.ros.inbox import Polled

# Silence after which a publisher counts as gone [s].
LIVE_S = 1.0
# After a node's first message, in which others that publish are looked for [s].
LOOK_S = 5.0
# A node's messages may come before its name [s].
NAMED_WITHIN_S = 1.0
# Between two looks at what has arrived [s].
POLL_S = 0.01


@dataclass
class _Sender:
    number: int
    heard: float


class LivePublishers:
    """Counts the publishers that send on one topic, by the sequence numbers of its messages.

    A message does not name its publisher, but each publisher numbers its own messages upwards:
    a number that follows nobody's last one is of another publisher.
    """

    def __init__(self, live_s: float = LIVE_S) -> None:
        """Know nobody; who is silent for ``live_s`` is forgotten."""
        self._live_s = live_s
        self._senders: list[_Sender] = []

    def hear(self, number: int, now: float) -> int:
        """Take a message's sequence number; return how many publishers are live.

        Args:
            number: of the message; 0 where the middleware gives none, which tells nobody apart.
            now: when it was heard, steady [s].

        """
        self._senders = [each for each in self._senders if now - each.heard <= self._live_s]
        before = [each for each in self._senders if each.number < number or not number]
        if before:
            sender = max(before, key=lambda each: each.number)
            sender.number, sender.heard = number, now
        else:
            self._senders.append(_Sender(number, now))
        return len(self._senders)


class Commanders:
    """Sees to it that one publisher at a time sends commands to a node."""

    def __init__(self, node: Node, topic: str) -> None:
        """Watch the publishers of a topic that the node subscribes to."""
        self._node, self._topic = node, topic
        self._live = LivePublishers()
        self._listed: list[str] = []

    def problem(self, info: dict[str, Any]) -> str:
        """Take the information that came with a message; return why it may not count, or ''."""
        number = info.get('publication_sequence_number') or 0
        count = self._live.hear(number, time.monotonic())
        if count < 2:
            return ''
        return (f'{count} nodes send on {self._topic} at once; the arm holds until one of '
                f'{", ".join(publisher_names(self._node, self._topic))} is left')

    def log_listed(self) -> None:
        """Log once which publishers are listed, if they are more than one."""
        listed = publisher_names(self._node, self._topic)
        if len(listed) > 1 and listed != self._listed:
            self._node.get_logger().info(
                f'{self._topic} lists {", ".join(listed)}; the silent ones are ignored')
        self._listed = listed


class SolePublisher:
    """Ends a node that would publish on a topic on which another node publishes already."""

    def __init__(self, node: Node, kind: type, topic: str, qos: QoSProfile, remedy: str) -> None:
        """Begin to hear the topic; ``remedy`` ends the error's text."""
        self._node, self._topic, self._remedy = node, topic, remedy
        self._live, self._end = LivePublishers(), float('inf')
        # Raw and taken by hand: only who sends matters, ten times a second.
        self._subscription = node.create_subscription(
            kind, topic, lambda _: None, qos, raw=True, callback_group=Polled())

    def listen(self, seconds: float) -> None:
        """Hear nobody for a while, before this node's first message.

        A publisher that is listed but silent, as one that was killed just now, is logged.

        Raises:
            ConfigError: another node publishes; names it.

        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._taken():
                raise self._error(self._names())
            time.sleep(POLL_S)
        silent = self._names()
        if silent:
            self._node.get_logger().info(
                f'{self._topic} lists {", ".join(silent)} too, silent for {seconds:g} s and so '
                'taken for gone')

    def check(self) -> None:
        """Look whether this node publishes alone; call often. Looks for ``LOOK_S``, then no more.

        Two that start at once hear nobody before they publish, and find each other here.

        Raises:
            ConfigError: another node publishes too; names it.

        """
        if self._subscription is None:
            return
        if any(self._live.hear(number, time.monotonic()) > 1 for number in self._taken()):
            others = self._names()
            if (own := self._node.get_fully_qualified_name()) in others:
                others.remove(own)
            raise self._error(others)
        self._end = min(self._end, time.monotonic() + LOOK_S)
        if time.monotonic() >= self._end:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _taken(self) -> list[int]:
        """Return the sequence numbers of the messages that came since the last call."""
        numbers, handle = [], self._subscription.handle
        with handle:
            while taken := handle.take_message(self._subscription.msg_type, True):
                numbers.append(taken[1].get('publication_sequence_number') or 0)
        return numbers

    def _names(self) -> list[str]:
        """Return who is listed as publisher, once the middleware knows their names."""
        end = time.monotonic() + NAMED_WITHIN_S
        while True:
            names = publisher_names(self._node, self._topic)
            if not any('UNKNOWN' in name for name in names) or time.monotonic() > end:
                return names
            time.sleep(POLL_S)

    def _error(self, names: list[str]) -> ConfigError:
        return ConfigError(f'{", ".join(names) or "another node"} publishes {self._topic} '
                           f'already; {self._remedy}')


def publisher_names(node: Node, topic: str) -> list[str]:
    """Return the full name of each publisher's node that is listed for a topic, sorted."""
    return sorted(f'{each.node_namespace.rstrip("/")}/{each.node_name}'
                  for each in node.get_publishers_info_by_topic(node.resolve_topic_name(topic)))
