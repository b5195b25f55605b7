# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Four checks of the whole cell: cameras, mouse, recording, replay."""

from collections import deque
from collections.abc import Callable
import contextlib
from functools import partial
import math
from pathlib import Path
import time
from typing import Any

import numpy as np
from PIL import Image as Picture
from sensor_msgs.msg import Image

from irevla_bringup.acceptance.lab import SPEED, Lab
from irevla_bringup.acceptance.protocol import Check, CheckError
from irevla_control.bags.index import EpisodeEntry, list_episodes
from irevla_control.bags.reader import read_episode
from irevla_control.ros.conversions import message_to_image, stamp_to_ns
from irevla_control.ros.qos import EVENT, OBSERVATION
from irevla_msgs.msg import EndEffectorCommand, EpisodeState

# Longest wait for a person [s].
PATIENCE_S = 600.0
LOOK_S = 2.0
# Time for the cameras to reach their rate while all nodes start [s].
STARTS_WITHIN_S = 20.0
# Smallest share of the rate that must arrive, and largest age of an image [s].
SHARE, OLD_S = 0.8, 0.5
# Smallest motion by the mouse, and largest deviation of a replay at its end [m].
PUSHED, SAME = 0.03, 0.03
# Runs a launch file with arguments during a block.
Launch = Callable[[str, dict[str, object]], contextlib.AbstractContextManager]


class CellChecks:
    """The checks; the first starts the graph of demonstrations, the third ends it."""

    def __init__(
        self, lab: Lab, launch: Launch, cameras: list[str], fps: int, folder: Path
    ) -> None:
        """Use ``lab``; write images and the recording into ``folder``."""
        self._lab, self._launch, self._cameras, self._fps = lab, launch, cameras, fps
        self._folder, self._bags = folder, folder / 'bags'
        self._graph = contextlib.ExitStack()
        self._episode = EpisodeState()
        # Newest arrival times [s since 1970] and images; a person may take minutes.
        most = math.ceil(2 * LOOK_S * fps)
        self._pictures: dict[str, deque[tuple[float, Image]]] = {
            name: deque(maxlen=most) for name in cameras
        }
        self._commands = 0
        # Position of the arm and number of commands at the start of the newest episode.
        self._began: tuple[np.ndarray, int] | None = None
        lab.node.create_subscription(EpisodeState, 'episode', self._on_episode, EVENT)
        lab.node.create_subscription(EndEffectorCommand, 'command', self._on_command, OBSERVATION)
        for name in cameras:
            lab.node.create_subscription(
                Image, f'camera/{name}/image_raw', partial(self._on_image, name), OBSERVATION
            )

    def checks(self) -> list[Check]:
        """Return the checks in order."""
        return [
            Check(
                'cameras',
                f'The whole cell starts, and the arm moves home at {SPEED} m/s.',
                self.cameras,
                f'Open the images in {self._folder}: is each from the camera of '
                'its name, sharp and upright?',
            ),
            Check(
                'mouse',
                'When the log asks for it, press success (second button) to begin. '
                'Push the cap away from you until the arm has moved 3 cm, then release it.',
                self.mouse,
                'Did the arm move where you pushed, and rest after the release?',
            ),
            Check(
                'recording',
                'Move the arm a little more, then press success (second button).',
                self.recording,
                'Was this your demonstration?',
            ),
            Check(
                'replay',
                'The arm repeats the demonstration. Keep one hand on its stop button.',
                self.replay,
                'Was it the same motion?',
            ),
        ]

    def close(self) -> None:
        """End the graph if it still runs."""
        self._graph.close()

    def _on_image(self, name: str, image: Image) -> None:
        self._pictures[name].append((time.time(), image))

    def _on_episode(self, message: EpisodeState) -> None:
        begins = (
            message.phase == EpisodeState.PHASE_RUNNING
            and message.episode_id != self._episode.episode_id
        )
        if begins and self._lab.state:
            self._began = self._lab.pose.position, self._commands
        self._episode = message

    def _on_command(self, message: EndEffectorCommand) -> None:
        self._commands += message.source == EndEffectorCommand.SOURCE_TELEOP

    def cameras(self) -> dict[str, Any]:
        """Start the graph; measure rate and age of the images, and save one of each camera."""
        self._graph.enter_context(
            self._launch(
                'teleop.launch.py', {'bags': self._bags, 'episodes': 1, 'horizon': 10_000}
            )
        )
        lab = self._lab
        lab.wait_for_arm()
        lab.until(lambda: all(self._pictures.values()), f'images of {self._cameras}')
        end = time.monotonic() + STARTS_WITHIN_S
        while True:
            newest = self._collect()
            rates = {name: len(received) / LOOK_S for name, received in newest.items()}
            slow = [name for name, rate in rates.items() if rate < SHARE * self._fps]
            if not slow:
                break
            if time.monotonic() > end:
                raise CheckError(
                    f'camera {slow[0]} gives {rates[slow[0]]:.1f} images per second, '
                    f'fps is {self._fps}'
                )
        measured: dict[str, Any] = {}
        for name, received in newest.items():
            age = float(
                np.median(
                    [when - 1e-9 * stamp_to_ns(image.header.stamp) for when, image in received]
                )
            )
            if not -OLD_S < age < OLD_S:
                raise CheckError(f'images of camera {name} are {age:.2f} s old')
            picture = message_to_image(received[-1][1])
            if picture.std() < 1:
                raise CheckError(f'images of camera {name} have one colour only; is its cap on?')
            Picture.fromarray(picture).save(self._folder / f'{name}.png')
            measured |= {f'{name}_hz': round(rates[name], 1), f'{name}_age_ms': round(1e3 * age)}
        return measured

    def _collect(self) -> dict[str, list[tuple[float, Image]]]:
        """Return the images of the next `LOOK_S` seconds, by camera."""
        for received in self._pictures.values():
            received.clear()
        time.sleep(LOOK_S)
        return {name: list(received) for name, received in self._pictures.items()}

    def mouse(self) -> dict[str, Any]:
        """Wait for an episode and the mouse; measure the motion of the arm."""
        lab = self._lab
        # A person may press and push before this check starts.
        lab.until(lambda: self._began is not None, 'the press that starts the episode', PATIENCE_S)
        # Not None after the wait.
        assert self._began is not None
        there, before = self._began
        lab.until(
            lambda: np.linalg.norm(lab.pose.position - there) > PUSHED,
            'motion by the mouse',
            PATIENCE_S,
        )
        motion = lab.pose.position - there
        lab.rest()
        return {
            'commands': self._commands - before,
            'way_mm': [round(1e3 * float(part)) for part in motion],
        }

    def recording(self) -> dict[str, Any]:
        """Wait for the end of the episode; check the recording."""
        self._lab.until(lambda: self._kept() is not None, 'a recorded success', PATIENCE_S)
        self._graph.close()
        entry = self._kept()
        if entry is None:
            raise CheckError(f'the recording in {self._bags} was not completed')
        lost = sum(int(topic['lost']) for topic in entry.topics.values())
        if lost or entry.failed:
            raise CheckError(
                f'the recording {entry.episode_id} lost {lost} messages {entry.failed}'
            )
        episode = read_episode(self._bags / entry.folder, self._cameras)
        return {
            'episode': entry.episode_id,
            'steps': entry.steps,
            'usable_steps': len(episode.actions),
            'lost': lost,
        }

    def replay(self) -> dict[str, Any]:
        """Replay the recording; measure the deviation of the arm at the end."""
        entry, lab = self._kept(), self._lab
        if entry is None:
            raise CheckError(f'{self._bags} contains no recording of a success')
        states = read_episode(self._bags / entry.folder, ()).states[:, :3]
        self._episode, track = EpisodeState(), []

        def over() -> bool:
            if self._episode.phase == EpisodeState.PHASE_RUNNING:
                track.append(lab.pose.position)
            return self._episode.phase == EpisodeState.PHASE_ENDED

        with self._launch(
            'replay.launch.py',
            {'on': 'robot', 'operator': 'none', 'bag': self._bags / entry.folder},
        ):
            lab.wait_for_arm()
            lab.until(over, 'the end of the replay', PATIENCE_S)
        if not track or not len(states):
            raise CheckError('the replay ended before the arm moved')
        off = float(np.linalg.norm((np.array(track) - track[0])[-1] - (states - states[0])[-1]))
        if off > SAME:
            raise CheckError(f'the replay ended {1e3 * off:.0f} mm away from the recording')
        return {'off_mm': round(1e3 * off, 1)}

    def _kept(self) -> EpisodeEntry | None:
        if not self._bags.is_dir():
            return None
        kept = [
            entry for entry in list_episodes(self._bags) if entry.success and not entry.aborted
        ]
        return kept[-1] if kept else None
