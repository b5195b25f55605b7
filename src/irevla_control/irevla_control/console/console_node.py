# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `console`: a web page of the running graph, at 127.0.0.1."""

from collections.abc import Iterator
import os
from typing import Any

from rclpy.subscription import Subscription
from sensor_msgs.msg import Image
from std_msgs.msg import String

from irevla_control.console.console_parameters import PARAMETERS
from irevla_control.console.live_view import LiveView, Status, encode
from irevla_control.console.server import PageServer
from irevla_control.errors import BadMessageError
from irevla_control.ros.conversions import message_to_image, stamp_to_ns
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.inbox import Polled
from irevla_control.ros.node import Node, run_node
from irevla_control.ros.parameters import declare
from irevla_control.ros.qos import EVENT, RECORD_EVENT, WATCHED
from irevla_msgs.msg import EndEffectorCommand, EpisodeState

# On a busy machine commands come first.
NICENESS = 15


class ConsoleNode(Node):
    """Shows a graph to browsers of this machine.

    While nobody looks it receives `episode` only. Images and commands are taken at `rate_hz`, the
    newest of each topic; the others are never read.
    """

    def __init__(self) -> None:
        """Declare parameters, start the page.

        Raises:
            ConfigError: no port is free.

        """
        super().__init__('console')
        self._values = declare(self, PARAMETERS)
        self._view = LiveView(
            [name for name in self._values['cameras'] if name],
            [name for name in self._values['tasks'] if name],
        )
        self._diagnostics = Diagnostics(self)
        self._episodes = self.create_subscription(
            EpisodeState, 'episode', _unused, RECORD_EVENT, callback_group=Polled()
        )
        self._commands: Subscription | None = None
        self._images: dict[str, Subscription] = {}
        self._next_task = self.create_publisher(String, 'next_task', EVENT)
        self._last_episode = ''
        period_s = 1 / self._values['rate_hz']
        self._server = PageServer(self._view, self._values['port'], period_s)
        self._timer = self.create_timer(period_s, self._on_tick)
        self.get_logger().info(f'page: {self._server.address}')

    def destroy_node(self) -> None:
        """End the page."""
        self._server.close()
        super().destroy_node()

    def _on_tick(self) -> None:
        for message, _ in _taken(self._episodes):
            self._take_episode(message)
        while not self._view.chosen.empty():
            self._next_task.publish(String(data=self._view.chosen.get()))
        watched = {name for name in self._view.cameras if self._view.watched[name]}
        self._subscribe_to_watched(watched)
        for name in watched:
            self._take_image(name)
        if self._commands is not None:
            for message, info in _taken(self._commands):
                # The time at which the mux sent the command, not that of its arrival here.
                sent = info['source_timestamp']
                self._view.add_latency((sent - stamp_to_ns(message.header.stamp)) / 1e9)
        self._diagnostics.note('viewed cameras', ', '.join(sorted(watched)))

    def _subscribe_to_watched(self, watched: set[str]) -> None:
        """Subscribe to the cameras that somebody looks at and to commands, and to no others."""
        for name in self._images.keys() - watched:
            self.destroy_subscription(self._images.pop(name))
        for name in watched - self._images.keys():
            self._images[name] = self.create_subscription(
                Image, f'camera/{name}/image_raw', _unused, WATCHED, callback_group=Polled()
            )
        if watched and self._commands is None:
            self._commands = self.create_subscription(
                EndEffectorCommand, 'command', _unused, WATCHED, callback_group=Polled()
            )
        elif not watched and self._commands is not None:
            self.destroy_subscription(self._commands)
            self._commands = None

    def _take_image(self, camera: str) -> None:
        for message, _ in _taken(self._images[camera]):
            try:
                image = message_to_image(message)
            except BadMessageError as error:
                self._diagnostics.refuse(f'image of {camera} is not shown: {error}')
                continue
            values = self._values
            jpeg = encode(image, values['max_width_px'], values['jpeg_quality'])
            self._view.add_frame(camera, jpeg)
            self._diagnostics.count('images encoded')

    def _take_episode(self, message: EpisodeState) -> None:
        running = message.phase == EpisodeState.PHASE_RUNNING
        outcome = 'aborted' if message.aborted else 'solved' if message.success else 'not solved'
        self._view.status = Status(
            message.task, message.instruction, message.step, running, '' if running else outcome
        )
        ended = message.phase == EpisodeState.PHASE_ENDED
        if ended and not message.aborted and message.episode_id != self._last_episode:
            self._last_episode = message.episode_id
            self._view.add_ended(message.task, message.success)


def _unused(message: object) -> None:
    """Take the place of a callback: messages are polled."""


def _taken(subscription: Subscription) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield the messages that have arrived, each with its information."""
    with subscription.handle:
        while taken := subscription.handle.take_message(subscription.msg_type, False):
            yield taken


def main() -> None:
    """Run the node, on processor time that no other node needs."""
    os.nice(NICENESS)
    run_node(ConsoleNode)


if __name__ == '__main__':
    main()
