# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Recorded episodes as arrays; needs neither ROS nor installed message types."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from irevla_control.bags.bag import Bag, one_episode
from irevla_control.bags.pictures import rgb
from irevla_control.episode import PHASE_ENDED, Episode, Observations
from irevla_control.errors import BadMessageError, BagError, NothingJoinsError
from irevla_control.observation import ACTION_SIZE, STATE_SIZE, action_of, state_of


def read_episode(folder: Path, cameras: Sequence[str], max_skew_s: float | None = None) -> Episode:
    """Return the steps of a recorded episode as arrays.

    Args:
        folder: of the bag.
        cameras: names of those that every step needs.
        max_skew_s: how much older than the observation its parts may be, in place of what the
            bag states, which is what the policy saw.

    Raises:
        BagError: not a complete bag, or damaged; a camera that was not recorded; an image that
            is not rgb8 or changes its size; a state or command that is not finite; no message
            that describes the episode.

    """
    folder = Path(folder)
    topics = {name: f'camera/{name}/image_raw' for name in cameras}
    bag = Bag(
        folder,
        [*topics.values(), 'robot_state', 'episode', 'command'],
        ['expert_label'],
        max_skew_s,
    )
    events = _events(bag, folder)
    labelled = bag.stamps('expert_label')
    # What came after the end answers nothing: a robot's cameras go on.
    commanded = bag.stamps('command') & {
        stamp for stamp, event in events.items() if event.phase != PHASE_ENDED
    }
    unjoined = _unjoined(bag, commanded, ['robot_state', *topics.values()])
    stamps, parts = _whole(bag, sorted(commanded), ['robot_state', *topics.values()])
    commands = [bag.take('command', stamp) for stamp in stamps]
    actions = np.array([action_of(command) for command in commands]).reshape(-1, ACTION_SIZE)
    labels = actions.copy()
    for row, stamp in enumerate(stamps):
        if stamp in labelled:
            labels[row] = action_of(bag.take('expert_label', stamp))
    states = _states(bag, parts)
    for name, values in (('command', actions), ('expert_label', labels), ('robot_state', states)):
        if not np.isfinite(values).all():
            raise BagError(f'{folder}: {name} holds values that are not finite; leave it out')
    last = events[max(events)]
    texts = tuple(events[stamp].instruction for stamp in stamps)
    return Episode(
        episode_id=last.episode_id,
        task=last.task,
        instruction=texts[-1] if texts else last.instruction,
        instructions=texts if len(set(texts)) > 1 else (),
        seed=last.seed,
        stamps=np.array(stamps, np.int64),
        images={name: _images(folder, bag, topic, parts[topic]) for name, topic in topics.items()},
        states=states,
        actions=actions,
        labels=labels,
        sources=np.array([command.source for command in commands], np.uint8),
        rewards=_rewards(stamps, events),
        terminated=last.terminated,
        truncated=last.truncated,
        aborted=last.aborted,
        success=last.success,
        dropped=len(commanded) - len(stamps),
        unjoined='' if stamps else unjoined,
    )


def read_observations(
    folder: Path, cameras: Sequence[str], max_skew_s: float | None = None
) -> Observations:
    """Return the observations of a recorded episode, whether a command answered them or not.

    Raises:
        NothingJoinsError: there are none.
        BagError: as `read_episode`.

    """
    folder = Path(folder)
    topics = {name: f'camera/{name}/image_raw' for name in cameras}
    bag = Bag(folder, [*topics.values(), 'robot_state', 'episode'], max_skew_s=max_skew_s)
    described = _events(bag, folder)
    observed, joining = sorted(described), ['robot_state', *topics.values()]
    stamps, parts = _whole(bag, observed, joining)
    if not stamps:
        raise NothingJoinsError(folder, bag.misfit(joining, observed))
    events = [described[stamp] for stamp in stamps]
    states = _states(bag, parts)
    if not np.isfinite(states).all():
        raise BagError(f'{folder}: robot_state holds values that are not finite; leave it out')
    return Observations(
        events[-1].episode_id,
        tuple(event.instruction for event in events),
        np.array(stamps, np.int64),
        {name: _images(folder, bag, topic, parts[topic]) for name, topic in topics.items()},
        states,
        np.array([event.success for event in events]),
    )


def _events(bag: Bag, folder: Path) -> dict[int, Any]:
    return one_episode(
        {stamp: bag.take('episode', stamp) for stamp in sorted(bag.stamps('episode'))}, folder
    )


def _whole(
    bag: Bag, stamps: Sequence[int], topics: Sequence[str]
) -> tuple[list[int], dict[str, list[int]]]:
    """Return the stamps at which each topic has a message, and by topic those messages' stamps."""
    columns = [bag.joined(topic, stamps) for topic in topics]
    rows = [(stamp, *parts) for stamp, *parts in zip(stamps, *columns) if None not in parts]
    whole = list(zip(*rows)) or [()] * (1 + len(topics))
    return list(whole[0]), dict(zip(topics, map(list, whole[1:])))


def _unjoined(bag: Bag, commanded: Collection[int], topics: Sequence[str]) -> str:
    """Return why none of an episode's steps is complete, if none is."""
    if commanded:
        return f'none of its {len(commanded)} steps is complete: ' + bag.misfit(
            topics, sorted(commanded)
        )
    commands = len(bag.stamps('command'))
    return (
        f'none of its {commands} commands answers an observation of topic episode'
        if commands
        else 'it holds no command'
    )


def _states(bag: Bag, parts: dict[str, list[int]]) -> np.ndarray:
    """Return the states (T, 10) of an episode's observations."""
    return np.array(
        [state_of(message) for message in bag.messages('robot_state', parts['robot_state'])]
    ).reshape(-1, STATE_SIZE)


def _rewards(stamps: list[int], events: dict[int, Any]) -> np.ndarray:
    """Return each step's reward, which the episode message of the next observation tells."""
    by_step = {event.step: event.reward for event in events.values()}
    return np.array(
        [
            by_step.get(events[stamp].step + 1, np.nan) if stamp in events else np.nan
            for stamp in stamps
        ],
        np.float32,
    )


def _images(folder: Path, bag: Bag, topic: str, stamps: list[int]) -> np.ndarray:
    """Return one camera's images at these stamps as uint8 (T, height, width, 3)."""
    stack = np.empty((0, 0, 0, 3), np.uint8)
    for row, frame in enumerate(bag.messages(topic, stamps)):
        try:
            picture = rgb(frame)
        except BadMessageError as error:
            raise BagError(f'{folder}: {topic} has {error}; leave the episode out') from error
        if row == 0:
            stack = np.empty((len(stamps), *picture.shape), np.uint8)
        if picture.shape != stack.shape[1:]:
            raise BagError(
                f'{folder}: {topic} has a frame of {picture.shape[0]} x '
                f'{picture.shape[1]} pixels, the first one has {stack.shape[1]} x '
                f'{stack.shape[2]}; leave the episode out'
            )
        stack[row] = picture
    return stack
