# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Rates, times and counts of all nodes of a graph, from /diagnostics while it runs."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
import re
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import rclpy
from rclpy.context import Context
from rclpy.node import Node

from panda.spinning import spinning

# A value with its unit in its name is measured each second; one without is a count so far.
UNIT = re.compile(r'\[.*\]$')
WRITE_S = 60.0


class Health:
    """Collects the values of each node's status."""

    def __init__(self) -> None:
        """Start without a value."""
        self._measured: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._counts: dict[tuple[str, str], int] = {}
        self._seconds: dict[str, int] = defaultdict(int)
        self._problems: dict[str, int] = defaultdict(int)

    def add(self, message: DiagnosticArray) -> None:
        """Add a message of a node of the suite."""
        for status in message.status:
            node = status.name.removesuffix(': status')
            self._seconds[node] += 1
            self._problems[node] += status.message != 'ok'
            for value in status.values:
                key = node, value.key
                try:
                    if UNIT.search(value.key):
                        self._measured[key].append(float(value.value))
                    else:
                        self._counts[key] = int(value.value)
                except ValueError:
                    # A note in words.
                    continue

    def summary(self) -> dict[str, dict[str, Any]]:
        """Return for each node: seconds seen, those with a problem, counts, and quantiles."""
        found: dict[str, dict[str, Any]] = {
            node: {'seconds': seconds, 'seconds with a problem': self._problems[node]}
            for node, seconds in sorted(self._seconds.items())
        }
        for (node, key), count in self._counts.items():
            found[node][key] = count
        for (node, key), values in self._measured.items():
            if not any(values):
                continue
            low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
            quantiles = {'5 %': low, 'median': middle, '95 %': high, 'largest': max(values)}
            found[node][key] = {name: round(float(one), 3) for name, one in quantiles.items()}
        return found


@contextmanager
def watched_graph(write: Callable[[dict[str, dict[str, Any]]], None]) -> Iterator[None]:
    """Collect the diagnostics of all nodes in this domain during the block.

    ``write`` gets their summary again and again, since a process may be killed.
    """
    health = Health()

    def create(context: Context) -> Node:
        node = rclpy.create_node('graph_health', context=context)
        node.create_subscription(DiagnosticArray, '/diagnostics', health.add, 100)
        node.create_timer(WRITE_S, lambda: write(health.summary()))
        return node

    try:
        with spinning(create):
            yield
    finally:
        write(health.summary())
