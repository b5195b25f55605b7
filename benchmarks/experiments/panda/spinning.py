# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A node that spins in a thread beside the graphs that this process starts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import threading
from typing import TypeVar

import rclpy
from rclpy.context import Context
from rclpy.node import Node

from irevla_control.ros.executor import DirectExecutor

POLL_S = 0.1
AnyNode = TypeVar('AnyNode', bound=Node)


@contextmanager
def spinning(create: Callable[[Context], AnyNode]) -> Iterator[AnyNode]:
    """Spin the node that a function creates in a context of its own, during the block."""
    context, ending = Context(), threading.Event()
    rclpy.init(context=context)
    node, executor = create(context), DirectExecutor(context=context)
    executor.add_node(node)

    def spin() -> None:
        while not ending.is_set():
            executor.spin_once(POLL_S)

    thread = threading.Thread(target=spin, name=node.get_name())
    thread.start()
    try:
        yield node
    finally:
        ending.set()
        thread.join()
        node.destroy_node()
        rclpy.try_shutdown(context=context)
