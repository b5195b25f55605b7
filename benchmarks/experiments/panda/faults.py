# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What a person does wrong during stage 1 on the simulated Panda, at set times."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import threading
import time
from typing import Any

import psutil
import rclpy
from rclpy.context import Context
from rclpy.node import Node
from std_msgs.msg import Empty, String
from std_srvs.srv import Trigger

from irevla_control.ros.executor import DirectExecutor
from irevla_control.ros.qos import COMMAND, EVENT

# Minutes after the start of stage 1.
TIMES = {
    'camera covered': 6.0,
    'emergency stop': 12.0,
    'mouse unplugged': 18.0,
    'policy process killed': 24.0,
}
# Time until a cover is taken off, and until a stop is released [s].
COVERED_S, STOPPED_S = 20.0, 10.0
POLL_S = 0.2


class Person(Node):
    """Does everything wrong once, and mends what a person would mend."""

    def __init__(self, namespace: str, context: Context) -> None:
        """Act on the graph in a namespace."""
        super().__init__('person', namespace=namespace, context=context)
        self._covered = self.create_publisher(String, 'covered', EVENT)
        self._unplugged = self.create_publisher(Empty, 'spacemouse_unplugged', EVENT)
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
            for process in psutil.process_iter(['cmdline']):
                if any('vla_node' in word for word in process.info['cmdline'] or ()):
                    process.kill()

        return dict(zip(TIMES, (cover, stop, unplug, kill)))


@contextmanager
def persons_faults(namespace: str) -> Iterator[list[dict[str, Any]]]:
    """Cause the faults during the block; yield a list of those so far: name and minute."""
    done: list[dict[str, Any]] = []
    context, ended = Context(), threading.Event()
    rclpy.init(context=context)
    person = Person(namespace, context)
    executor = DirectExecutor(context=context)
    executor.add_node(person)

    def spin() -> None:
        while not ended.is_set():
            executor.spin_once(POLL_S)

    def act() -> None:
        began = time.monotonic()
        for name, act_now in person.acts(ended).items():
            if ended.wait(max(0.0, began + 60 * TIMES[name] - time.monotonic())):
                return
            done.append({'fault': name, 'minute': round((time.monotonic() - began) / 60, 1)})
            act_now()

    threads = [threading.Thread(target=target) for target in (spin, act)]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        person.destroy_node()
        rclpy.try_shutdown(context=context)
