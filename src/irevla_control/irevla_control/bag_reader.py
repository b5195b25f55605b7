# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Recorded episodes as arrays; needs neither ROS nor installed message types."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
import struct
from typing import Any

import numpy as np
from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader, ReaderError
from rosbags.typesys import TypesysError

from irevla_control.bag_index import EpisodeEntry, list_episodes
from irevla_control.errors import BadMessageError, BagError
from irevla_control.mcap_file import read_checksum
from irevla_control.message_types import decode, typestore
from irevla_control.observation import ACTION_SIZE, STATE_SIZE, rotation_to_columns

__all__ = ['Episode', 'EpisodeEntry', 'list_episodes', 'read_episode', 'read_messages']


@dataclass(frozen=True)
class Episode:
    """The steps of one episode: observations that a command answered, joined by stamp.

    Attributes:
        episode_id, task, instruction, seed: as in EpisodeState.
        stamps: int64 (T,) [ns], of the observations.
        images: camera name to uint8 (T, height, width, 3) RGB.
        states: float64 (T, 10), see docs/architecture.md.
        actions: float64 (T, 7), as executed.
        labels: float64 (T, 7), the expert's label where there is one, else the action.
        sources: uint8 (T,), EndEffectorCommand.SOURCE_* of the actions.
        rewards: float32 (T,), of each action; NaN where no later observation tells it.
        terminated, truncated, aborted, success: of the whole episode, from its last message.
        dropped: commands left out because an image or the state of their stamp is missing.

    """

    episode_id: str
    task: str
    instruction: str
    seed: int
    stamps: np.ndarray
    images: dict[str, np.ndarray]
    states: np.ndarray
    actions: np.ndarray
    labels: np.ndarray
    sources: np.ndarray
    rewards: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    terminated: bool = False
    truncated: bool = False
    aborted: bool = False
    success: bool = False
    dropped: int = 0


def read_messages(folder: Path, topics: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield (topic, message) in the order received; topics are relative names.

    Raises:
        BagError: not a complete bag, or damaged; or a topic that it does not hold once.

    """
    try:
        with Reader(_verified(Path(folder))) as reader:
            chosen = [_connection(reader, folder, topic) for topic in topics]
            names = {each.topic: topic for each, topic in zip(chosen, topics)}
            types = {each.msgtype: each.msgdef.data for each in chosen}
            store = typestore(tuple(sorted(types.items())))
            for connection, _, data in reader.messages(chosen):
                yield names[connection.topic], decode(store, connection.msgtype, data)
    except (ReaderError, TypesysError, BadMessageError, OSError, ValueError, KeyError, TypeError,
            IndexError, struct.error) as error:
        raise BagError(f'{folder}: not a complete bag, or a damaged one '
                       f'({type(error).__name__}: {error}); recover it with '
                       'python -m irevla_control.bag_recovery, or leave it out') from error


def _verified(folder: Path) -> Path:
    """Return what to open: the MCAP file when there is one (it says all), else the folder."""
    files = list(folder.glob('*.mcap'))
    for file in files:
        read_checksum(file, verify=True)
    return files[0] if len(files) == 1 else folder


def _connection(reader: Reader, folder: Path, topic: str) -> Connection:
    """Return the one connection of a relative topic, in whatever namespace it was recorded."""
    found = [each for each in reader.connections if each.topic.endswith(f'/{topic}')]
    if len(found) != 1:
        held = ', '.join(sorted(each.topic for each in reader.connections)) or 'none'
        raise BagError(f'{folder}: {len(found)} recorded topics end in /{topic}, one is needed; '
                       f'the bag holds {held}')
    return found[0]


def read_episode(folder: Path, cameras: Sequence[str]) -> Episode:
    """Return the steps of a recorded episode as arrays.

    Raises:
        BagError: as `read_messages`; an image that is not rgb8 or changes its size; a state or
            command that is not finite; no message that describes the episode.

    """
    topics = {f'camera/{name}/image_raw': name for name in cameras}
    images: dict[str, dict[int, Any]] = {name: {} for name in cameras}
    found: dict[str, dict[int, Any]] = {
        'robot_state': {}, 'episode': {}, 'command': {}, 'expert_label': {}}
    for topic, message in read_messages(folder, [*topics, *found]):
        stamp = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
        if topic in topics:
            images[topics[topic]][stamp] = message
        else:
            found[topic][stamp] = message
    if not found['episode']:
        raise BagError(f'{folder}: no message on episode; the task is unknown, leave it out')
    commands, events = found['command'], found['episode']
    stamps = sorted(stamp for stamp in commands if stamp in found['robot_state']
                    and all(stamp in frames for frames in images.values()))
    actions = np.array([_action(commands[stamp]) for stamp in stamps]).reshape(-1, ACTION_SIZE)
    labels = np.array([_action(found['expert_label'].get(stamp) or commands[stamp])
                       for stamp in stamps]).reshape(-1, ACTION_SIZE)
    states = np.array([_state(found['robot_state'][stamp])
                       for stamp in stamps]).reshape(-1, STATE_SIZE)
    for name, values in (('command', actions), ('expert_label', labels), ('robot_state', states)):
        if not np.isfinite(values).all():
            raise BagError(f'{folder}: {name} holds values that are not finite; leave it out')
    last = events[max(events)]
    return Episode(
        episode_id=last.episode_id, task=last.task, instruction=last.instruction, seed=last.seed,
        stamps=np.array(stamps, np.int64),
        images={name: _stack(folder, name, [frames[stamp] for stamp in stamps])
                for name, frames in images.items()},
        states=states, actions=actions, labels=labels,
        sources=np.array([commands[stamp].source for stamp in stamps], np.uint8),
        rewards=_rewards(stamps, events), terminated=last.terminated, truncated=last.truncated,
        aborted=last.aborted, success=last.success, dropped=len(commands) - len(stamps))


def _action(command: Any) -> tuple[float, ...]:
    t, r = command.translation, command.rotation
    return t.x, t.y, t.z, r.x, r.y, r.z, command.gripper


def _state(robot: Any) -> np.ndarray:
    p, q = robot.pose.position, robot.pose.orientation
    return np.concatenate([[p.x, p.y, p.z], rotation_to_columns(np.array([q.x, q.y, q.z, q.w])),
                           [robot.gripper]])


def _rewards(stamps: list[int], events: dict[int, Any]) -> np.ndarray:
    """Return each step's reward, which the episode message of the next observation tells."""
    by_step = {event.step: event.reward for event in events.values()}
    return np.array([by_step.get(events[stamp].step + 1, np.nan) if stamp in events else np.nan
                     for stamp in stamps], np.float32)


def _stack(folder: Path, camera: str, frames: list[Any]) -> np.ndarray:
    """Return messages of one camera as uint8 (T, height, width, 3)."""
    if not frames:
        return np.empty((0, 0, 0, 3), np.uint8)
    height, width = frames[0].height, frames[0].width
    stack = np.empty((len(frames), height * width * 3), np.uint8)
    for row, frame in zip(stack, frames):
        if (frame.encoding, frame.height, frame.width, frame.data.size) != (
                'rgb8', height, width, row.size):
            raise BagError(f'{folder}: camera {camera} has a frame of {frame.height} x '
                           f'{frame.width} {frame.encoding} ({frame.data.size} bytes); rgb8 of '
                           f'{height} x {width} is needed throughout')
        row[:] = frame.data
    return stack.reshape(len(frames), height, width, 3)
