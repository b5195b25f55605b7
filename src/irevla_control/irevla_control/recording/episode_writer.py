# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes an episode of arrays as a bag, as the recorder does: data of other programs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.typesys.store import Typestore
from scipy.spatial.transform import Rotation

from irevla_control.bags.message_types import definition, typestore
from irevla_control.bags.writer import Topic
from irevla_control.episode import PHASE_ENDED, PHASE_RUNNING, Episode, Observations
from irevla_control.errors import BagError, ConfigError
from irevla_control.observation import BASE_FRAME, STATE_SIZE, action_problem
from irevla_control.recording.limits import Limits
from irevla_control.recording.recorder import Recorder

NANOSECONDS = 1_000_000_000
# Stamp of the end after the last observation, if the episode has no observation there [ns].
_AFTER_LAST = 1_000_000
# Largest error of the length and angle of the two columns of a rotation.
_TOLERANCE = 1e-3
_STATE, _EPISODE, _COMMAND = (
    f'irevla_msgs/msg/{name}' for name in ('RobotState', 'EpisodeState', 'EndEffectorCommand')
)
_IMAGE = 'sensor_msgs/msg/Image'
# RobotState.MODE_READY
_MODE_READY = 2


def write_episode(root: Path, episode: Episode) -> Path:
    """Write an episode under ``root`` as a rosbag2 folder, and return the folder.

    The reader returns the same arrays, except that the rotation of a state is normalised and
    that the gripper's opening and rewards are rounded to float32. The names of the cameras are
    those of `Episode.images`. `Episode.final` is written if it is given; without it, learners do
    not use the value after the last step.

    Raises:
        ConfigError: an array has another shape, type or range; names it and what is needed.
        BagError: the folder exists, its name is not valid, or another process records to ``root``.

    """
    check_episode(episode)
    cameras = tuple(f'/camera/{name}/image_raw' for name in episode.images)
    types = dict.fromkeys(cameras, _IMAGE) | {
        '/robot_state': _STATE,
        '/episode': _EPISODE,
        '/command': _COMMAND,
        '/expert_label': _COMMAND,
    }
    topics = [Topic(name, kind, name == '/episode') for name, kind in types.items()]
    problems: list[str] = []
    folders: list[str] = []
    recorder = Recorder(
        root,
        topics,
        Limits(cameras=cameras),
        lambda entry: folders.append(entry.folder),
        problems.append,
    )
    store = typestore(tuple((kind, definition(kind)) for kind in sorted({*types.values()})))
    try:
        for topic, stamp, message in _Messages(store, episode).all():
            data = bytes(store.serialize_cdr(message, types[topic]))
            recorder.add(topic, stamp, data)
    finally:
        recorder.close()
    if problems or episode.episode_id not in folders:
        raise BagError('; '.join(problems) or f'{root}: {episode.episode_id} was not recorded')
    return Path(root) / episode.episode_id


def check_episode(episode: Episode) -> None:
    """Check that the arrays of an episode can be written.

    Raises:
        ConfigError: as `write_episode`.

    """
    name, steps = f'episode {episode.episode_id}', len(episode.stamps)
    if not episode.images:
        raise ConfigError(f'{name} has no images; give those of at least one camera')
    if not steps or (np.diff(episode.stamps) <= 0).any() or episode.stamps[0] < 0:
        raise ConfigError(f'{name}: stamps must be at least one, 0 or more, and ascend [ns]')
    columns: dict[str, Any] = {
        name: getattr(episode, name) for name in ('states', 'actions', 'labels', 'sources')
    }
    if len(episode.rewards):
        columns['rewards'] = episode.rewards
    for key, values in (columns | episode.images).items():
        if len(values) != steps:
            raise ConfigError(f'{name}: {len(values)} {key} at {steps} stamps; as many are needed')
    _check_images(episode.images, name)
    for key in ('actions', 'labels'):
        for step, action in enumerate(columns[key]):
            if problem := action_problem(action):
                raise ConfigError(f'{name}: {key}, step {step}: {problem}')
    _quaternions(episode.states, name)
    if episode.final is not None and len(episode.final.stamps):
        _check_final(episode.final, episode, f'{name}: final')


def _check_final(final: Observations, episode: Episode, name: str) -> None:
    """Raise ConfigError if the observation after the last step cannot be written."""
    if final.stamps[-1] <= episode.stamps[-1]:
        raise ConfigError(
            f'{name}: its stamp {final.stamps[-1]} must be after the last step, '
            f'{episode.stamps[-1]} [ns]'
        )
    if final.images.keys() != episode.images.keys():
        raise ConfigError(
            f'{name} has images of {", ".join(sorted(final.images)) or "no camera"}; those of '
            f'{", ".join(sorted(episode.images))} are needed'
        )
    for key, values in {'states': final.states, **final.images}.items():
        if len(values) != len(final.stamps):
            raise ConfigError(
                f'{name}: {len(values)} {key} at {len(final.stamps)} stamps; as many are needed'
            )
    _check_images(final.images, name)
    _quaternions(final.states, name)


def _check_images(images: dict[str, np.ndarray], name: str) -> None:
    for camera, stack in images.items():
        if stack.dtype != np.uint8 or stack.ndim != 4 or stack.shape[3] != 3:
            raise ConfigError(
                f'{name}: images of camera {camera!r} are {stack.dtype} {stack.shape}; uint8 '
                '(T, height, width, 3) RGB is needed'
            )


def _quaternions(states: np.ndarray, name: str) -> np.ndarray:
    """Return the quaternion (x, y, z, w) of each state.

    Raises ConfigError if a state is not finite, or has no rotation.
    """
    if states.ndim != 2 or states.shape[1] != STATE_SIZE or not np.isfinite(states).all():
        raise ConfigError(
            f'{name}: states of shape {states.shape}; (T, {STATE_SIZE}) finite numbers are needed'
        )
    first, second = states[:, 3:6], states[:, 6:9]
    products = ((first**2).sum(1) - 1, (second**2).sum(1) - 1, (first * second).sum(1))
    wrong = np.flatnonzero(np.abs(products).max(0) > _TOLERANCE)
    if wrong.size:
        raise ConfigError(
            f'{name}: states, step {wrong[0]}: {states[wrong[0], 3:9]} are not the first two '
            'columns of a rotation matrix; observation.state_from makes them from a quaternion'
        )
    matrices = np.stack([first, second, np.cross(first, second)], axis=2)
    return Rotation.from_matrix(matrices).as_quat()


class _Messages:
    """Makes the messages of an episode."""

    def __init__(self, store: Typestore, episode: Episode) -> None:
        self._types, self._episode = store.types, episode

    def all(self) -> Iterator[tuple[str, int, Any]]:
        """Yield topic, stamp [ns] and message, in the order of a simulator."""
        episode, last = self._episode, len(self._episode.stamps)
        rewards = episode.rewards if len(episode.rewards) else np.full(last, np.nan, np.float32)
        name = f'episode {episode.episode_id}'
        quaternions = _quaternions(episode.states, name)
        for step, stamp in enumerate(map(int, episode.stamps)):
            images = {camera: stack[step] for camera, stack in episode.images.items()}
            yield from self._observed(stamp, images, episode.states[step], quaternions[step])
            before = rewards[step - 1] if step else 0.0
            yield '/episode', stamp, self._event(stamp, step, PHASE_RUNNING, before)
            source = int(episode.sources[step])
            if not np.array_equal(episode.labels[step], episode.actions[step]):
                label = self._command(stamp, episode.labels[step], source)
                yield '/expert_label', stamp, label
            yield '/command', stamp, self._command(stamp, episode.actions[step], source)
        final, end = episode.final, int(episode.stamps[-1]) + _AFTER_LAST
        if final is not None and len(final.stamps):
            end = int(final.stamps[-1])
            images = {camera: stack[-1] for camera, stack in final.images.items()}
            quaternion = _quaternions(final.states[-1:], name)[0]
            yield from self._observed(end, images, final.states[-1], quaternion)
        yield '/episode', end, self._event(end, last, PHASE_ENDED, rewards[-1])

    def _observed(
        self, stamp: int, images: dict[str, np.ndarray], state: np.ndarray, quaternion: np.ndarray
    ) -> Iterator[tuple[str, int, Any]]:
        for camera, image in images.items():
            yield f'/camera/{camera}/image_raw', stamp, self._image(stamp, camera, image)
        yield '/robot_state', stamp, self._state(stamp, state, quaternion)

    def _header(self, stamp: int, frame: str) -> Any:
        seconds, nanoseconds = divmod(stamp, NANOSECONDS)
        time = self._types['builtin_interfaces/msg/Time'](sec=seconds, nanosec=nanoseconds)
        return self._types['std_msgs/msg/Header'](stamp=time, frame_id=frame)

    def _vector(self, values: np.ndarray, kind: str = 'Vector3') -> Any:
        x, y, z = map(float, values)
        return self._types[f'geometry_msgs/msg/{kind}'](x=x, y=y, z=z)

    def _image(self, stamp: int, camera: str, image: np.ndarray) -> Any:
        height, width = image.shape[:2]
        return self._types[_IMAGE](
            header=self._header(stamp, camera),
            height=height,
            width=width,
            encoding='rgb8',
            is_bigendian=0,
            step=3 * width,
            data=np.ascontiguousarray(image).reshape(-1),
        )

    def _state(self, stamp: int, state: np.ndarray, quaternion: np.ndarray) -> Any:
        x, y, z, w = map(float, quaternion)
        geometry = 'geometry_msgs/msg/'
        zero, none = self._vector(np.zeros(3)), np.zeros(0)
        return self._types[_STATE](
            header=self._header(stamp, BASE_FRAME),
            pose=self._types[f'{geometry}Pose'](
                position=self._vector(state[:3], 'Point'),
                orientation=self._types[f'{geometry}Quaternion'](x=x, y=y, z=z, w=w),
            ),
            twist=self._types[f'{geometry}Twist'](linear=zero, angular=zero),
            wrench=self._types[f'{geometry}Wrench'](force=zero, torque=zero),
            joint_position=none,
            joint_velocity=none,
            joint_effort=none,
            gripper=float(state[9]),
            mode=_MODE_READY,
            fault=0,
            fault_text='',
        )

    def _event(self, stamp: int, step: int, phase: int, reward: float) -> Any:
        episode, ended = self._episode, phase == PHASE_ENDED
        texts = episode.instructions
        return self._types[_EPISODE](
            header=self._header(stamp, ''),
            episode_id=episode.episode_id,
            task=episode.task,
            instruction=texts[min(step, len(texts) - 1)] if texts else episode.instruction,
            seed=episode.seed,
            step=step,
            phase=phase,
            terminated=ended and episode.terminated,
            truncated=ended and episode.truncated,
            aborted=ended and episode.aborted,
            success=ended and episode.success,
            reward=float(reward),
            text='',
        )

    def _command(self, stamp: int, action: np.ndarray, source: int) -> Any:
        return self._types[_COMMAND](
            header=self._header(stamp, BASE_FRAME),
            translation=self._vector(action[:3]),
            rotation=self._vector(action[3:6]),
            gripper=float(action[6]),
            source=source,
        )
