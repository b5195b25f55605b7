# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A node's status on /diagnostics: rates, ages, counters and refusals."""

from collections import Counter, deque
from collections.abc import Mapping
import re
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from irevla_control.ros.middleware import unreachable_users

PERIOD_S = 1.0
# Measured numbers; digits within names, such as cam1, do not match.
NUMBER = re.compile(r'(?<!\w)\d+(\.\d+)?(?!\w)')


class Diagnostics:
    """Counts events and durations; publishes them once a second.

    A refusal is an event with a reason; it sets the status to WARN until a second passes without
    one. Lasting problems are set by `warn` and `error`, and cleared by an empty reason. A note is
    a value that is shown until it is replaced.
    """

    def __init__(self, node: Node, hardware_id: str = '') -> None:
        """Publish as ``node``."""
        self._node = node
        self._hardware_id = hardware_id
        self._total: Counter[str] = Counter()
        self._before: Counter[str] = Counter()
        self._times: dict[str, deque[float]] = {}
        self._refused = ''
        self._error = ''
        self._unreachable: list[str] = []
        self._warning = ''
        self._notes: dict[str, str] = {}
        self._last = time.monotonic()
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._timer = node.create_timer(PERIOD_S, self.publish)

    def count(self, event: str, times: int = 1) -> None:
        """Count an event."""
        self._total[event] += times

    def set_totals(self, totals: Mapping[str, int]) -> None:
        """Replace the totals of events that another object counts."""
        for event, total in totals.items():
            self._total[event] = total

    def refuse(self, reason: str) -> None:
        """Count a refusal and log its reason, at most once a second."""
        self._total['refused'] += 1
        self._refused = reason
        self._node.get_logger().warning(reason, throttle_duration_sec=PERIOD_S)

    def error(self, reason: str) -> None:
        """Set the status to ERROR until it is cleared with an empty reason."""
        if reason and reason != self._error:
            self._node.get_logger().error(reason)
        self._error = reason

    def warn(self, reason: str) -> None:
        """Set the status to WARN until it is cleared with an empty reason.

        A reason that differs from the one before in numbers only is not logged again.
        """
        if reason and NUMBER.sub('', reason) != NUMBER.sub('', self._warning):
            self._node.get_logger().warning(reason)
        self._warning = reason

    def note(self, name: str, value: str) -> None:
        """Set the value that is published under a name."""
        self._notes[name] = value

    def time(self, name: str, seconds: float) -> None:
        """Add a duration; its median and 99th percentile over the last 500 are published."""
        self._times.setdefault(name, deque(maxlen=500)).append(seconds)

    def publish(self) -> None:
        """Publish now; a node that fails cannot wait for the next second."""
        now = time.monotonic()
        elapsed, self._last = now - self._last, now
        status = DiagnosticStatus(
            name=f'{self._node.get_name()}: status',
            hardware_id=self._hardware_id,
            level=DiagnosticStatus.OK,
            message='ok',
        )
        problems = list(
            filter(None, (self._error, self._warning, self._refused, self._other_users()))
        )
        if problems:
            status.level = DiagnosticStatus.ERROR if self._error else DiagnosticStatus.WARN
            status.message = '; '.join(problems)
        self._refused = ''
        values = sorted(self._notes.items())
        for event, total in sorted(self._total.items()):
            rate = (total - self._before[event]) / elapsed
            values += [(event, str(total)), (f'{event} [Hz]', f'{rate:.1f}')]
        self._before = self._total.copy()
        for name, times in sorted(self._times.items()):
            ordered = sorted(times)
            for label, share in (('p50', 0.5), ('p99', 0.99)):
                value = ordered[min(int(share * len(ordered)), len(ordered) - 1)]
                values.append((f'{name} {label} [ms]', f'{1e3 * value:.2f}'))
        status.values = [KeyValue(key=key, value=value) for key, value in values]
        message = DiagnosticArray(status=[status])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)

    def _other_users(self) -> str:
        """Return which other users run nodes in this domain, and the remedy; or ''."""
        reason, users = '', list(unreachable_users(self._node.context.get_domain_id()))
        if users:
            reason = (
                f'user {" and ".join(users)} runs nodes in this domain (or left files of '
                'killed nodes in /dev/shm): messages between their nodes and this one are '
                'lost; run all nodes as one user, or give them another ROS_DOMAIN_ID'
            )
            if users != self._unreachable:
                self._node.get_logger().warning(reason)
        self._unreachable = users
        return reason
