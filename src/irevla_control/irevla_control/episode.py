# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A recorded episode as arrays, and the numbers that its messages use."""

from dataclasses import dataclass, field

import numpy as np

# Names of EndEffectorCommand.SOURCE_*, by value.
SOURCES = ('unknown', 'policy', 'teleop', 'expert', 'replay')
PHASE_RUNNING, PHASE_ENDED = 1, 2  # EpisodeState.PHASE_*


@dataclass(frozen=True)
class Episode:
    """The steps of one episode: observations that a command answered, joined by stamp.

    As the policy saw them: of each camera and of the state what is newest up to the stamp, and
    not older than the recorder was told by ``max_skew_s``, which is 0 for simulators. (What came
    to the policy after the first camera's image, but has an older stamp, it did not see.)

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
        unjoined: why there is no step at all, else ''.

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

    @property
    def by_policy(self) -> np.ndarray:
        """Return bool (T,): which actions the policy decided."""
        return self.sources == SOURCES.index('policy')


@dataclass(frozen=True)
class Observations:
    """The observations of one episode that an `episode` message describes, the last included.

    Attributes:
        episode_id, instruction: as in EpisodeState.
        stamps: int64 (T,) [ns].
        images: camera name to uint8 (T, height, width, 3) RGB.
        states: float64 (T, 10), see docs/architecture.md.
        success: bool (T,), whether the task was done by then.

    """

    episode_id: str
    instruction: str
    stamps: np.ndarray
    images: dict[str, np.ndarray]
    states: np.ndarray
    success: np.ndarray
