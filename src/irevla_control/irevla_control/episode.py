# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A recorded episode as arrays, and the constants of its messages."""

from dataclasses import dataclass, field, replace

import numpy as np

# Names of EndEffectorCommand.SOURCE_*, by value.
SOURCES = ('unknown', 'policy', 'teleop', 'expert', 'replay')
PHASE_RUNNING, PHASE_ENDED = 1, 2  # EpisodeState.PHASE_*


@dataclass(frozen=True)
class Episode:
    """The steps of one episode: observations that a command answered, joined by stamp.

    Each observation has the latest image of every camera and the latest state not after its
    stamp, at most ``max_skew_s`` of the recorder older (0 for simulators). Data that reached the
    policy after the first camera's image, but has an older stamp, was not seen by the policy.

    Attributes:
        episode_id, task, seed: as in EpisodeState.
        instruction: of the last step.
        stamps: int64 (T,) [ns], stamps of the observations.
        images: camera name to uint8 (T, height, width, 3) RGB.
        states: float64 (T, 10), see docs/architecture.md.
        actions: float64 (T, 7), as executed.
        labels: float64 (T, 7), the expert's label where there is one, else the action.
        sources: uint8 (T,), EndEffectorCommand.SOURCE_* of the actions.
        rewards: float32 (T,), reward of each action; NaN if no later observation has it.
        terminated, truncated, aborted, success: from the last message of the episode.
        dropped: number of commands left out because an image or the state is missing.
        unjoined: reason why the episode has no step at all, else ''.
        instructions: T texts, one a step, where they differ; else empty.
        part_of: where this is the part of a recorded episode that has one instruction, the name
            of that episode, else ''.

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
    unjoined: str = ''
    instructions: tuple[str, ...] = ()
    part_of: str = ''

    @property
    def by_policy(self) -> np.ndarray:
        """Return bool (T,): whether the policy decided each action."""
        return self.sources == SOURCES.index('policy')


def parts_of(episode: Episode) -> list[Episode]:
    """Return an episode as parts of one instruction each, in their order: mostly itself.

    The task of a part is its instruction, as in a LeRobot dataset, which has no other name.
    """
    texts = episode.instructions
    if not texts:
        return [episode]
    starts = [row for row in range(len(texts)) if not row or texts[row] != texts[row - 1]]
    parts = []
    for part, (start, stop) in enumerate(zip(starts, [*starts[1:], len(texts)])):
        rows, last = slice(start, stop), stop == len(texts)
        columns = {
            name: getattr(episode, name)[rows]
            for name in ('stamps', 'states', 'actions', 'labels', 'sources', 'rewards')
        }
        parts.append(
            replace(
                episode,
                **columns,
                episode_id=f'{episode.episode_id}_part{part}',
                part_of=episode.episode_id,
                task=texts[start],
                instruction=texts[start],
                instructions=(),
                images={name: images[rows] for name, images in episode.images.items()},
                terminated=last and episode.terminated,
                truncated=last and episode.truncated,
                dropped=0 if part else episode.dropped,
            )
        )
    return parts


@dataclass(frozen=True)
class Observations:
    """All observations of one episode that have an `episode` message, including the last.

    Attributes:
        episode_id: as in EpisodeState.
        instructions: T texts, one an observation.
        stamps: int64 (T,) [ns].
        images: camera name to uint8 (T, height, width, 3) RGB.
        states: float64 (T, 10), see docs/architecture.md.
        success: bool (T,), whether the task was done at that observation.

    """

    episode_id: str
    instructions: tuple[str, ...]
    stamps: np.ndarray
    images: dict[str, np.ndarray]
    states: np.ndarray
    success: np.ndarray
