# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Recorded episodes as arrays; needs neither ROS nor installed message types."""

from collections.abc import Iterator, Sequence
from pathlib import Path
import struct
from typing import Any

from mcap.exceptions import McapError
from mcap.reader import make_reader
from mcap.records import Channel
from mcap.summary import Summary
import numpy as np
from rosbags.typesys import TypesysError

from irevla_control.bags.joining import joined
from irevla_control.bags.layout import EPISODE_METADATA, check_format
from irevla_control.bags.mcap_file import read_checksum
from irevla_control.bags.message_types import decode, typestore
from irevla_control.cdr import stamp_of
from irevla_control.episode import PHASE_ENDED, Episode, Observations
from irevla_control.errors import BadMessageError, BagError
from irevla_control.observation import ACTION_SIZE, STATE_SIZE, rotation_to_columns


class Bag:
    """The messages of a bag on some topics, by stamp, decoded on demand.

    Of messages with one stamp the last counts.

    Attributes:
        max_skew_ns: how much older than the observation's stamp its parts may be [ns].

    """

    def __init__(self, folder: Path, topics: Sequence[str]) -> None:
        """Read all messages of topics given by relative name, in whatever namespace they are.

        Raises:
            BagError: not a complete bag, or damaged, or of a newer format; or a topic that it
                does not hold once.

        """
        self._folder = folder
        self._data: dict[str, dict[int, bytes]] = {topic: {} for topic in topics}
        try:
            file = _only_file(folder)
            read_checksum(file, verify=True)
            with file.open('rb') as stream:
                reader = make_reader(stream)
                summary = reader.get_summary()
                if summary is None:
                    raise BagError(f'{file} was never finished; recover it with '
                                   f'python -m irevla_control.recording.recovery {folder}, or '
                                   'leave it out')
                about = next((each.metadata for each in reader.iter_metadata()
                              if each.name == EPISODE_METADATA), {})
                check_format(about, folder)
                chosen = {topic: _channel(summary, folder, topic) for topic in topics}
                schemas = {topic: summary.schemas[channel.schema_id]
                           for topic, channel in chosen.items()}
                self._types = {topic: schema.name for topic, schema in schemas.items()}
                self._store = typestore(tuple(sorted(
                    {schema.name: schema.data.decode() for schema in schemas.values()}.items())))
                self.max_skew_ns = round(float(about.get('max_skew_s', 0)) * 1e9)
                data = {channel.id: self._data[topic] for topic, channel in chosen.items()}
                for _, channel, message in reader.iter_messages(
                        [each.topic for each in chosen.values()]):
                    data[channel.id][stamp_of(message.data)] = message.data
        except (McapError, TypesysError, BadMessageError, OSError, ValueError, KeyError,
                struct.error) as error:
            raise BagError(f'{folder}: not a complete bag, or a damaged one '
                           f'({type(error).__name__}: {error}); recover it with python -m '
                           f'irevla_control.recording.recovery {folder}, or leave it '
                           'out') from error

    def stamps(self, topic: str) -> set[int]:
        """Return the stamps [ns] of a topic's messages."""
        return set(self._data[topic])

    def joined(self, topic: str, stamps: Sequence[int]) -> list[int | None]:
        """Return for each stamp [ns] that of the topic's message that belongs to it, or None."""
        return joined(sorted(self._data[topic]), stamps, self.max_skew_ns)

    def messages(self, topic: str, stamps: Sequence[int]) -> Iterator[Any]:
        """Yield the messages of these stamps, which may repeat, in their order; forget each.

        Raises:
            BagError: one cannot be decoded.

        """
        held, message = None, None
        for stamp in stamps:
            if stamp != held:
                held, message = stamp, self.take(topic, stamp)
            yield message

    def take(self, topic: str, stamp: int) -> Any:
        """Return a message, and forget it: an episode's images are large.

        Raises:
            BagError: it cannot be decoded.

        """
        data = self._data[topic].pop(stamp)
        try:
            return decode(self._store, self._types[topic], data)
        except BadMessageError as error:
            raise BagError(f'{self._folder}: {topic}: {error}; leave the episode out') from error


def _only_file(folder: Path) -> Path:
    files = list(folder.glob('*.mcap'))
    if len(files) != 1:
        raise BagError(f'{folder} holds {len(files)} MCAP files, one is needed; name the folder '
                       'of one episode')
    return files[0]


def _channel(summary: Summary, folder: Path, topic: str) -> Channel:
    """Return the one channel of a relative topic, in whatever namespace it was recorded."""
    found = [each for each in summary.channels.values() if each.topic.endswith(f'/{topic}')]
    if len(found) != 1:
        held = ', '.join(sorted(each.topic for each in summary.channels.values())) or 'none'
        raise BagError(f'{folder}: {len(found)} recorded topics end in /{topic}, one is needed; '
                       f'the bag holds {held}')
    return found[0]


def read_episode(folder: Path, cameras: Sequence[str]) -> Episode:
    """Return the steps of a recorded episode as arrays.

    Raises:
        BagError: not a complete bag, or damaged; a camera that was not recorded; an image that
            is not rgb8 or changes its size; a state or command that is not finite; no message
            that describes the episode.

    """
    folder = Path(folder)
    topics = {name: f'camera/{name}/image_raw' for name in cameras}
    bag = Bag(folder, [*topics.values(), 'robot_state', 'episode', 'command', 'expert_label'])
    events = {stamp: bag.take('episode', stamp) for stamp in sorted(bag.stamps('episode'))}
    if not events:
        raise BagError(f'{folder}: no message on episode; the task is unknown, leave it out')
    labelled = bag.stamps('expert_label')
    # What came after the end answers nothing: a robot's cameras go on.
    commanded = bag.stamps('command') & {stamp for stamp, event in events.items()
                                         if event.phase != PHASE_ENDED}
    stamps, parts = _whole(bag, sorted(commanded), ['robot_state', *topics.values()])
    commands = [bag.take('command', stamp) for stamp in stamps]
    actions = np.array([_action(command) for command in commands]).reshape(-1, ACTION_SIZE)
    labels = actions.copy()
    for row, stamp in enumerate(stamps):
        if stamp in labelled:
            labels[row] = _action(bag.take('expert_label', stamp))
    states = _states(bag, parts)
    for name, values in (('command', actions), ('expert_label', labels), ('robot_state', states)):
        if not np.isfinite(values).all():
            raise BagError(f'{folder}: {name} holds values that are not finite; leave it out')
    last = events[max(events)]
    return Episode(
        episode_id=last.episode_id, task=last.task, instruction=last.instruction, seed=last.seed,
        stamps=np.array(stamps, np.int64),
        images={name: _images(folder, bag, topic, parts[topic])
                for name, topic in topics.items()},
        states=states, actions=actions, labels=labels,
        sources=np.array([command.source for command in commands], np.uint8),
        rewards=_rewards(stamps, events), terminated=last.terminated, truncated=last.truncated,
        aborted=last.aborted, success=last.success, dropped=len(commanded) - len(stamps))


def read_observations(folder: Path, cameras: Sequence[str]) -> Observations:
    """Return the observations of a recorded episode, whether a command answered them or not.

    Raises:
        BagError: as `read_episode`; or there are none.

    """
    folder = Path(folder)
    topics = {name: f'camera/{name}/image_raw' for name in cameras}
    bag = Bag(folder, [*topics.values(), 'robot_state', 'episode'])
    stamps, parts = _whole(bag, sorted(bag.stamps('episode')),
                           ['robot_state', *topics.values()])
    if not stamps:
        raise BagError(f'{folder}: no observation has images, a state and an episode message of '
                       f'one stamp, or within {bag.max_skew_ns * 1e-9:g} s; leave it out')
    events = [bag.take('episode', stamp) for stamp in stamps]
    states = _states(bag, parts)
    if not np.isfinite(states).all():
        raise BagError(f'{folder}: robot_state holds values that are not finite; leave it out')
    return Observations(
        events[-1].episode_id, events[-1].instruction, np.array(stamps, np.int64),
        {name: _images(folder, bag, topic, parts[topic]) for name, topic in topics.items()},
        states, np.array([event.success for event in events]))


def _whole(bag: Bag, stamps: Sequence[int],
           topics: Sequence[str]) -> tuple[list[int], dict[str, list[int]]]:
    """Return the stamps at which each topic has a message, and by topic those messages' stamps."""
    columns = [bag.joined(topic, stamps) for topic in topics]
    rows = [(stamp, *parts) for stamp, *parts in zip(stamps, *columns) if None not in parts]
    whole = list(zip(*rows)) or [()] * (1 + len(topics))
    return list(whole[0]), dict(zip(topics, map(list, whole[1:])))


def _action(command: Any) -> tuple[float, ...]:
    t, r = command.translation, command.rotation
    return t.x, t.y, t.z, r.x, r.y, r.z, command.gripper


def _state(robot: Any) -> np.ndarray:
    p, q = robot.pose.position, robot.pose.orientation
    return np.concatenate([[p.x, p.y, p.z], rotation_to_columns(np.array([q.x, q.y, q.z, q.w])),
                           [robot.gripper]])


def _states(bag: Bag, parts: dict[str, list[int]]) -> np.ndarray:
    """Return the states (T, 10) of an episode's observations."""
    return np.array([_state(message) for message in bag.messages(
        'robot_state', parts['robot_state'])]).reshape(-1, STATE_SIZE)


def _rewards(stamps: list[int], events: dict[int, Any]) -> np.ndarray:
    """Return each step's reward, which the episode message of the next observation tells."""
    by_step = {event.step: event.reward for event in events.values()}
    return np.array([by_step.get(events[stamp].step + 1, np.nan) if stamp in events else np.nan
                     for stamp in stamps], np.float32)


def _images(folder: Path, bag: Bag, topic: str, stamps: list[int]) -> np.ndarray:
    """Return one camera's images at these stamps as uint8 (T, height, width, 3)."""
    stack = np.empty((0, 0, 0, 3), np.uint8)
    for row, frame in enumerate(bag.messages(topic, stamps)):
        if row == 0:
            stack = np.empty((len(stamps), frame.height, frame.width, 3), np.uint8)
        if frame.encoding != 'rgb8' or (frame.height, frame.width) != stack.shape[1:3] or \
                frame.data.size != stack[row].size:
            raise BagError(f'{folder}: {topic} has a frame of {frame.height} x {frame.width} '
                           f'{frame.encoding} ({frame.data.size} bytes); rgb8 of '
                           f'{stack.shape[1]} x {stack.shape[2]} is needed throughout')
        stack[row] = frame.data.reshape(stack.shape[1:])
    return stack
