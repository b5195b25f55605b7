# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The one way a node of the suite starts, spins and ends."""

from collections.abc import Callable
import faulthandler
import gc
import re
import signal
import sys
import time
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
from irevla_control.ros.middleware import leave_shared_memory
from irevla_control.ros.parameters import check_arguments

# One Ctrl-C may come twice: from the terminal's process group and from the launch.
SAME_S = 0.5
# For the middleware's part of a node's end.
ENDS_WITHIN_S = 5.0


class Node(rclpy.node.Node):
    """A node that stays on this machine's clock, and whose process ends in any case.

    Fast DDS 2.14 waits forever in DomainParticipant::set_listener, holding the lock that it waits
    for, if another node's end is heard just while the participant is destroyed.
    """

    def __init__(self, name: str, **options: Any) -> None:
        """Create it; options are rclpy's of a node."""
        super().__init__(name, **options)
        # Last added is asked first: before rclpy switches the clock.
        self.add_on_set_parameters_callback(_fit_rclpy)

    def destroy_node(self) -> None:
        """Leave the graph; a subclass does what must not be lost before it calls this."""
        # In C, for whoever waits there holds Python's lock: prints where, and ends with status 1.
        faulthandler.dump_traceback_later(ENDS_WITHIN_S, exit=True, file=sys.__stderr__)
        try:
            super().destroy_node()
        finally:
            faulthandler.cancel_dump_traceback_later()


class NodeDone(Exception):  # noqa: N818 (no error)
    """Raised in a callback when a node's work is complete; it ends with status 0."""


def _fit_rclpy(parameters: list[rclpy.Parameter]) -> SetParametersResult:
    """Refuse what does not fit while the node runs, as at its start."""
    for parameter in parameters:
        if parameter.name in RCLPY_PARAMETERS:
            try:
                RCLPY_PARAMETERS[parameter.name].fitted(parameter.value)
            except ConfigError as error:
                return SetParametersResult(successful=False, reason=str(error))
    return SetParametersResult(successful=True)


def run_node(create: Callable[[], Node], shared_memory: bool = True) -> None:
    """Create a node and spin it until Ctrl-C or SIGTERM; then its `destroy_node` cleans up.

    A signal lets the running callback finish; a later one breaks it off. A node that cannot do
    its work (an `IrevlaError`, arguments or names that ROS refuses) ends with status 1 and the
    reason on standard error. Without ``shared_memory`` nodes of other users of this machine can
    talk to it.
    """
    stop = _Stop()
    node, status = None, 0
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop.on_signal)
        _start_ros(shared_memory)
        node = create()
        # What is there now stays: looking through it again would hold callbacks up for 0.1 s.
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
        # C code that a signal breaks off raises anything, such as ctypes.ArgumentError.
        if not stop.broke_off:
            if not isinstance(error, (IrevlaError, NameValidationException)):
                raise
            # rclpy points to the wrong character in a line of its own.
            reason = str(error) if isinstance(error, IrevlaError) else one_line(
                error).replace(' ^', '')
            print(f'{create.__name__}: {reason}', file=sys.stderr, flush=True)
            status = 1
    finally:
        # A further signal must not break off the clean-up.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if node is not None:
            node.destroy_node()
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
        # Handlers of our own: after rclpy's the context is gone, nothing could be published.
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:
        # Without the places in rcl's sources.
        text = re.sub(r', at /\S+:\d+', '', one_line(error))
        raise ConfigError(f'ROS refuses the arguments: {text}') from error


class _Stop:
    """What was heard from outside: whether to stop, and how."""

    def __init__(self) -> None:
        self.asked_at: float | None = None
        self.gently = self.broke_off = False

    def on_signal(self, number: int, frame: object) -> None:
        # A callback that is broken off leaves things half done: a bag begun, a message unsent.
        now = time.monotonic()
        if self.asked_at is None:
            self.asked_at = now
        if not self.gently or now - self.asked_at >= SAME_S:
            self.broke_off = True
            raise KeyboardInterrupt
