# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A simulator as data, and how it is found by name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
import importlib
from pathlib import Path
from typing import TypeAlias

from irevla_control.errors import ConfigError
from irevla_sim.simulator.scene import Expert, Scene
from irevla_sim.simulator.tasks import Task

DEFAULT = 'metaworld'
# Modules of the shipped simulators.
SHIPPED = {name: f'irevla_sim.{name}.simulator' for name in ('metaworld',)}
LoadCatalogue: TypeAlias = Callable[[Iterable[str | Path]], dict[str, Task]]


@dataclass(frozen=True)
class Simulator:
    """What differs between simulators.

    Attributes:
        name: name in messages to users.
        cameras: names of the cameras that it can render; 'front' and 'wrist' are the default.
        step_s: duration of one simulator step [s].
        action_repeat: default number of simulator steps of one decision.
        horizon: default number of decisions after which an episode is truncated.
        reach_m: largest translation of the hand in one simulator step [m].
        load_catalogue: returns tasks by name, for YAML files of further tasks.
        scene: builds a scene, for a task, image size [pixels], action_repeat and horizon.
        expert: builds the expert of one episode, for a task, the standard deviation of its noise
            as a share of the largest command, the seed of the noise, and action_repeat.

    """

    name: str
    cameras: tuple[str, ...]
    step_s: float
    action_repeat: int
    horizon: int
    reach_m: float
    load_catalogue: LoadCatalogue
    scene: Callable[[Task, int, int, int], Scene]
    expert: Callable[[Task, float, int, int], Expert]

    def repeat_of(self, task: Task, given: int | None = None) -> int:
        """Return action_repeat: the user's, else the task's, else the simulator's."""
        return given or task.action_repeat or self.action_repeat

    def horizon_of(self, task: Task, given: int | None = None) -> int:
        """Return the horizon: the user's, else the task's, else the simulator's."""
        return given or task.horizon or self.horizon


def find_simulator(name: str) -> Simulator:
    """Return a simulator: a shipped one by name, another by its Python module.

    Raises:
        ConfigError: there is no such module, it fails on import, or it has no `SIMULATOR`.

    """
    module = SHIPPED.get(name, name)
    try:
        found = getattr(importlib.import_module(module), 'SIMULATOR', None)
    except (ImportError, ValueError) as error:
        raise ConfigError(
            f'unknown simulator {name!r} ({error}); use {", ".join(SHIPPED)}, or a Python module '
            'on PYTHONPATH that has SIMULATOR'
        ) from error
    if not isinstance(found, Simulator):
        raise ConfigError(
            f'simulator {name!r}: module {module} has no SIMULATOR of type '
            'irevla_sim.simulator.simulator.Simulator'
        )
    return found
