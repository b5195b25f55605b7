# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Counters of stage 1 with SACfD, for its state file and its progress."""

from dataclasses import dataclass

from irevla_learner.progress import Progress


@dataclass(frozen=True)
class SACfDProgress(Progress):
    """Progress of SACfD; `updates` counts those of actor and critics, without the warm-up.

    Attributes:
        interventions: number of environment steps with a person's command.
        updates_per_decision: updates per environment step since training started.
        owed: number of pending updates.
        staleness: mean age of the heads that acted in the newest episode, in updates.
        critic_loss: loss of the newest update, like the values below.
        value: mean estimate of the critics.
        actor_loss: loss of the actor; NaN before its first update.
        cloning_loss: mean squared error on demonstrations.
        anchor_loss: mean squared error on demonstrations of the expert tasks; 0 without.
        temperature: weight of the entropy.

    """

    interventions: int
    updates_per_decision: float
    owed: int
    staleness: float
    critic_loss: float
    value: float
    actor_loss: float
    cloning_loss: float
    anchor_loss: float
    temperature: float


@dataclass
class Counters:
    """Numbers of a learner that its state file contains.

    Attributes:
        env_steps: number of environment steps.
        zero_shot_steps: number of those before training started.
        episodes: number of episodes.
        successes: number of episodes with success.
        easier_successes: number of those that are of an easier task of a curriculum.
        demonstrations: number of demonstrations of the task with success, in no other number.
        demonstration_rows: number of their observations, with those of failures.
        online_rows: number of observations of the policy's episodes.
        interventions: number of environment steps with a person's command.
        staleness: mean age of the heads that acted in the newest episode, in updates.

    """

    env_steps: int = 0
    zero_shot_steps: int = 0
    episodes: int = 0
    successes: int = 0
    easier_successes: int = 0
    demonstrations: int = 0
    demonstration_rows: int = 0
    online_rows: int = 0
    interventions: int = 0
    staleness: float = 0.0
