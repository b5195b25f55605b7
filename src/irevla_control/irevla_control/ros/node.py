# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Start, spin and end of every node of the suite."""

from collections.abc import Callable
import gc
import re
import signal
import sys
import time
import traceback
from typing import Any

from rcl_interfaces.msg import SetParametersResult
import rclpy
from rclpy.exceptions import NameValidationException
from rclpy.executors import ExternalShutdownException
import rclpy.node
from rclpy.signals import SignalHandlerOptions

from irevla_control.errors import ConfigError, IrevlaError, one_line
from irevla_control.parameters.parameter import RCLPY_PARAMETERS
from irevla_control.ros.executor import DirectExecutor
from irevla_control.ros.exit_deadline import exit_after
from irevla_control.ros.middleware import leave_shared_memory
from irevla_control.ros.parameters import check_arguments

# Signals within this time count as one Ctrl-C [s]: the terminal and the launch may both send it.
SAME_S = 0.5
# Time allowed for the middleware to destroy a node [s]: less than launch waits (5 s).
ENDS_WITHIN_S = 3
HANGS = f'Fast DDS hangs for {ENDS_WITHIN_S} s at the end of the node; the process ends without it'


class Node(rclpy.node.Node):
    """A node that uses this machine's clock, and whose process always ends.

    Fast DDS 2.14 can deadlock in DomainParticipant::set_listener if another node ends while the
    participant is destroyed.
    """

    def __init__(self, name: str, **options: Any) -> None:
        """Create the node; options go to rclpy's Node."""
        super().__init__(name, **options)
        # Status of the process; a node whose end fails sets 1 in `destroy_node`.
        self.exit_status = 1
        # Callbacks run in reverse order: this one before rclpy's own, which changes the clock.
        self.add_on_set_parameters_callback(_fit_rclpy)

    def destroy_node(self) -> None:
        """Leave the graph; a subclass saves its data before it calls this."""
        with exit_after(ENDS_WITHIN_S, self.exit_status, f'{self.get_name()}: {HANGS}'):
            super().destroy_node()


class NodeDone(Exception):  # noqa: N818 (no error)
    """Raised in a callback when a node's work is complete; the process ends with status 0."""


def _fit_rclpy(parameters: list[rclpy.Parameter]) -> SetParametersResult:
    """Refuse invalid changes of rclpy's own parameters while the node runs."""
    for parameter in parameters:
        if parameter.name in RCLPY_PARAMETERS:
            try:
                RCLPY_PARAMETERS[parameter.name].fitted(parameter.value)
            except ConfigError as error:
                return SetParametersResult(successful=False, reason=str(error))
    return SetParametersResult(successful=True)


def run_node(create: Callable[[], Node], shared_memory: bool = True) -> None:
    """Create a node and spin it until Ctrl-C or SIGTERM; then call its `destroy_node`.

    The first signal lets the running callback finish; a later one interrupts it. A node that
    cannot do its work (an `IrevlaError`, arguments or names that ROS refuses) ends with status 1
    and the reason on standard error. Without ``shared_memory`` the node can communicate with
    nodes of other users of this machine.
    """
    stop = _Stop()
    node, status = None, 0
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop.on_signal)
        _start_ros(shared_memory)
        node = create()
        # Long-lived objects are excluded from later collections, which would take 0.1 s each.
        gc.collect()
        gc.freeze()
        executor = DirectExecutor()
        executor.add_node(node)
        stop.gently = True
        while stop.asked_at is None:
            executor.spin_once()
    except (ExternalShutdownException, NodeDone):
        pass
    except BaseException as error:
        # C code that a signal interrupts may raise any exception, such as ctypes.ArgumentError.
        if not stop.broke_off:
            status = 1
            if not isinstance(error, Exception):
                raise
            if not isinstance(error, (IrevlaError, NameValidationException)):
                # Printed before the clean-up, which may hang.
                traceback.print_exc()
                sys.exit(status)
            # rclpy adds a line that marks the wrong character.
            reason = (
                str(error) if isinstance(error, IrevlaError) else one_line(error).replace(' ^', '')
            )
            print(f'{create.__name__}: {reason}', file=sys.stderr, flush=True)
    finally:
        # A further signal must not interrupt the clean-up.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if node is not None:
            node.exit_status = status
            node.destroy_node()
            status = node.exit_status
        rclpy.try_shutdown()
    sys.exit(status)


def _start_ros(shared_memory: bool) -> None:
    """Initialise rclpy from the command line.

    Raises:
        ConfigError: an argument or a profile that ROS cannot read.

    """
    check_arguments(sys.argv)
    if not shared_memory:
        leave_shared_memory()
    try:
        # rclpy's handlers would shut the context down, and the clean-up could not publish.
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:
        # Remove the locations in rcl's sources.
        text = re.sub(r', at /\S+:\d+', '', one_line(error))
        raise ConfigError(f'ROS refuses the arguments: {text}') from error


class _Stop:
    """State of a requested stop."""

    def __init__(self) -> None:
        self.asked_at: float | None = None
        self.gently = self.broke_off = False

    def on_signal(self, number: int, frame: object) -> None:
        # An interrupted callback would leave unfinished work, such as a bag or a message.
        now = time.monotonic()
        if self.asked_at is None:
            self.asked_at = now
        if not self.gently or now - self.asked_at >= SAME_S:
            self.broke_off = True
            raise KeyboardInterrupt
