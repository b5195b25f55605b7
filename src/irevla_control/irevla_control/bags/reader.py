# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads recorded episodes as arrays; needs neither ROS nor installed message types."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from irevla_control.bags.bag import Bag, one_episode
from irevla_control.bags.pictures import rgb
from irevla_control.episode import PHASE_ENDED, Episode, Observations
from irevla_control.errors import BadMessageError, BagError, NothingJoinsError
from irevla_control.observation import ACTION_SIZE, STATE_SIZE, action_of, state_of


def read_episode(
    folder: Path, cameras: Sequence[str], max_skew_s: float | None = None, final: bool = False
) -> Episode:
    """Return the steps of a recorded episode as arrays.

    Args:
        folder: folder of the bag.
        cameras: names of the cameras that every step needs.
        max_skew_s: largest age of a part at the observation [s]; None: the value in the bag,
            which was used at the recording.
        final: whether to return a complete observation after the last step too.

    Raises:
        BagError: the bag is incomplete or damaged, a camera was not recorded, an image is not
            rgb8 or changes its size, a state or command is not finite, or no message describes
            the episode.

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
    # Commands after the end are ignored, although a robot's cameras continue.
    commanded = bag.stamps('command') & {
        stamp for stamp, event in events.items() if event.phase != PHASE_ENDED
    }
    unjoined = _unjoined(bag, commanded, ['robot_state', *topics.values()])
    unanswered = {max(events)} - commanded if final else set()
    observed, parts = _whole(
        bag, sorted(commanded | unanswered), ['robot_state', *topics.values()]
    )
    stamps = [stamp for stamp in observed if stamp in commanded]
    steps = len(stamps)
    commands = [bag.take('command', stamp) for stamp in stamps]
    actions = np.array([action_of(command) for command in commands]).reshape(-1, ACTION_SIZE)
    labels = actions.copy()
    for row, stamp in enumerate(stamps):
        if stamp in labelled:
            labels[row] = action_of(bag.take('expert_label', stamp))
    states = _states(bag, parts)
    for name, values in (('command', actions), ('expert_label', labels), ('robot_state', states)):
        if not np.isfinite(values).all():
            raise BagError(f'{folder}: {name} contains values that are not finite; leave it out')
    last = events[max(events)]
    texts = tuple(events[stamp].instruction for stamp in stamps)
    images = {name: _images(folder, bag, topic, parts[topic]) for name, topic in topics.items()}
    return Episode(
        episode_id=last.episode_id,
        task=last.task,
        instruction=texts[-1] if texts else last.instruction,
        instructions=texts if len(set(texts)) > 1 else (),
        seed=last.seed,
        stamps=np.array(stamps, np.int64),
        images={name: stack[:steps] for name, stack in images.items()},
        states=states[:steps],
        actions=actions,
        labels=labels,
        sources=np.array([command.source for command in commands], np.uint8),
        rewards=_rewards(stamps, events),
        terminated=last.terminated,
        truncated=last.truncated,
        aborted=last.aborted,
        success=last.success,
        dropped=len(commanded) - steps,
        unjoined='' if stamps else unjoined,
        final=Observations(
            last.episode_id,
            (last.instruction,),
            np.array(observed[steps:], np.int64),
            {name: stack[steps:] for name, stack in images.items()},
            states[steps:],
            np.array([last.success]),
        )
        if len(observed) > steps
        else None,
    )


def read_observations(
    folder: Path, cameras: Sequence[str], max_skew_s: float | None = None
) -> Observations:
    """Return all observations of a recorded episode, with or without a command.

    Raises:
        NothingJoinsError: no observation is complete.
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
        raise BagError(f'{folder}: robot_state contains values that are not finite; leave it out')
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
    """Return the stamps of complete observations, and the stamps of their parts by topic."""
    columns = [bag.joined(topic, stamps) for topic in topics]
    rows = [(stamp, *parts) for stamp, *parts in zip(stamps, *columns) if None not in parts]
    whole = list(zip(*rows)) or [()] * (1 + len(topics))
    return list(whole[0]), dict(zip(topics, map(list, whole[1:])))


def _unjoined(bag: Bag, commanded: Collection[int], topics: Sequence[str]) -> str:
    """Return why no step of an episode is complete, or ''."""
    if commanded:
        return f'none of its {len(commanded)} steps is complete: ' + bag.misfit(
            topics, sorted(commanded)
        )
    commands = len(bag.stamps('command'))
    return (
        f'none of its {commands} commands answers an observation of topic episode'
        if commands
        else 'it contains no command'
    )


def _states(bag: Bag, parts: dict[str, list[int]]) -> np.ndarray:
    """Return the states (T, 10) of an episode's observations."""
    return np.array(
        [state_of(message) for message in bag.messages('robot_state', parts['robot_state'])]
    ).reshape(-1, STATE_SIZE)


def _rewards(stamps: list[int], events: dict[int, Any]) -> np.ndarray:
    """Return each step's reward, which is in the episode message of the next observation."""
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
