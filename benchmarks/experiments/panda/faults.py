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

from irevla_control.ros.qos import COMMAND, EVENT
from irevla_learner.json_file import write_json
from panda.spinning import spinning

# Minutes of stage 1 with a running graph.
TIMES = {
    'camera covered': 3.0,
    'emergency stop': 6.0,
    'mouse unplugged': 9.0,
    'policy process killed': 12.0,
}
# Time until a cover is taken off, and until a stop is released [s].
COVERED_S, STOPPED_S = 20.0, 10.0
POLL_S = 0.2


class Person(Node):
    """Does everything wrong once, and mends what a person would mend."""

    def __init__(self, namespace: str, context: Context) -> None:
        """Act on the graph in a namespace, which this process has started."""
        super().__init__('person', namespace=namespace, context=context)
        self._covered = self.create_publisher(String, 'covered', EVENT)
        self._unplugged = self.create_publisher(Empty, 'spacemouse_unplugged', COMMAND)
        self._stop = self.create_publisher(Empty, 'emergency_stop', COMMAND)
        self._recover = self.create_client(Trigger, 'recover')

    def acts(self, ended: threading.Event) -> dict[str, Callable[[], None]]:
        """Return the faults by name; ``ended`` cuts their pauses short."""

        def cover() -> None:
            self._covered.publish(String(data='front'))
            ended.wait(COVERED_S)
            self._covered.publish(String(data=''))

        def stop() -> None:
            self._stop.publish(Empty())
            ended.wait(STOPPED_S)
            self._recover.call_async(Trigger.Request())

        def unplug() -> None:
            self._unplugged.publish(Empty())

        def kill() -> None:
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if process.name().startswith('vla_node'):
                        process.kill()

        return dict(zip(TIMES, (cover, stop, unplug, kill)))


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
            done = {one['fault'] for one in record.faults}
            for name, fault in person.acts(ended).items():
                while name not in done and record.seconds < 60 * TIMES[name]:
                    if ended.wait(POLL_S):
                        record.save()
                        return
                    record.seconds = before + time.monotonic() - began
                if name not in done:
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
