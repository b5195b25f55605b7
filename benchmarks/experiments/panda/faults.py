# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What a person does wrong during stage 1 on the simulated Panda, at set times."""

from collections.abc import Callable, Iterator
import contextlib
from functools import partial
import json
from pathlib import Path
import threading
import time
from typing import Any

import psutil
from rclpy.context import Context
from rclpy.node import Node
from std_msgs.msg import Empty, String
from std_srvs.srv import Trigger

from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION
from irevla_learner.json_file import write_json
from irevla_msgs.msg import RobotState
from panda.spinning import spinning

# Minutes of stage 1 with a running graph.
TIMES = {
    'camera covered': 2.0,
    'emergency stop': 4.0,
    'mouse unplugged': 6.0,
    'policy process killed': 8.0,
}
# Time until a cover is taken off, and until a stop is released [s].
COVERED_S, STOPPED_S = 20.0, 10.0
POLL_S = 0.2
# Time between two calls of `recover`, and between two writes of the time so far [s].
AGAIN_S, SAVE_S = 1.0, 5.0


class Person(Node):
    """Does everything wrong once, and mends what a person would mend."""

    def __init__(self, namespace: str, context: Context) -> None:
        """Act on the graph in a namespace, which this process has started."""
        super().__init__('person', namespace=namespace, context=context)
        self._covered = self.create_publisher(String, 'covered', EVENT)
        self._unplugged = self.create_publisher(Empty, 'spacemouse_unplugged', COMMAND)
        self._stop = self.create_publisher(Empty, 'emergency_stop', COMMAND)
        self._recover = self.create_client(Trigger, 'recover')
        self._mode = RobotState.MODE_READY
        self.create_subscription(RobotState, 'robot_state', self._on_robot, OBSERVATION)

    def _on_robot(self, message: RobotState) -> None:
        self._mode = message.mode

    def ready(self) -> bool:
        """Return whether the graph would notice all faults."""
        publishers = (self._covered, self._unplugged, self._stop)
        heard = all(one.get_subscription_count() for one in publishers)
        return heard and self._recover.service_is_ready() and bool(policy_processes())

    def acts(self, ended: threading.Event) -> dict[str, Callable[[], None]]:
        """Return the faults by name; ``ended`` cuts their pauses short."""

        def cover() -> None:
            self._covered.publish(String(data='front'))
            ended.wait(COVERED_S)
            self._covered.publish(String(data=''))

        def stop() -> None:
            self._stop.publish(Empty())
            ended.wait(STOPPED_S)
            # The arm refuses while it brakes.
            while self._mode == RobotState.MODE_STOPPED and not ended.wait(AGAIN_S):
                self._recover.call_async(Trigger.Request())

        def unplug() -> None:
            self._unplugged.publish(Empty())

        def kill() -> None:
            for process in policy_processes():
                process.kill()

        return dict(zip(TIMES, (cover, stop, unplug, kill)))


def policy_processes() -> list[psutil.Process]:
    """Return the process of the policy in the graph that this process has started."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.name().startswith('vla_node'):
                found.append(process)
    return found


class Record:
    """The faults so far and the seconds with a running graph, in a file that a kill keeps."""

    def __init__(self, file: Path) -> None:
        """Read the file, if there is one."""
        self._file = file
        content = json.loads(file.read_text()) if file.exists() else {}
        self.faults: list[dict[str, Any]] = content.get('faults', [])
        self.seconds: float = content.get('seconds', 0.0)

    def save(self) -> None:
        """Write the file."""
        write_json(self._file, {'faults': self.faults, 'seconds': self.seconds})


@contextlib.contextmanager
def persons_faults(namespace: str, file: Path) -> Iterator[None]:
    """Cause the faults that are due during the block, each once over all blocks with this file."""
    record, ended = Record(file), threading.Event()
    with spinning(partial(Person, namespace)) as person:

        def act() -> None:
            before, began = record.seconds, time.monotonic()
            done, saved_s = {one['fault'] for one in record.faults}, record.seconds
            for name, fault in person.acts(ended).items():
                if name in done:
                    continue
                while record.seconds < 60 * TIMES[name] or not person.ready():
                    if ended.wait(POLL_S):
                        record.save()
                        return
                    record.seconds = before + time.monotonic() - began
                    if record.seconds > saved_s + SAVE_S:
                        saved_s = record.seconds
                        record.save()
                record.faults.append({'fault': name, 'minute': round(record.seconds / 60, 1)})
                # Before the fault, which may end this process.
                record.save()
                fault()

        thread = threading.Thread(target=act)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
