# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A simulator as data, and how it is found by name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
import importlib
import importlib.util
from pathlib import Path
from typing import TypeAlias

import gymnasium

from irevla_control.errors import ConfigError, one_line
from irevla_sim.simulator.scene import Expert, Scene
from irevla_sim.simulator.tasks import Task

DEFAULT = 'metaworld'
# Modules of the shipped simulators.
SHIPPED = {name: f'irevla_sim.{name}.simulator' for name in ('metaworld', 'kitchen')}
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
        scene: builds a scene, for a task, image size [pixels] and action_repeat.
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
    scene: Callable[[Task, int, int], Scene]
    expert: Callable[[Task, float, int, int], Expert]

    def repeat_of(self, task: Task, given: int | None = None) -> int:
        """Return action_repeat: the user's, else the task's, else the simulator's."""
        return given or task.action_repeat or self.action_repeat

    def horizon_of(self, task: Task, given: int | None = None) -> int:
        """Return the horizon: the user's, else the task's, else the simulator's."""
        return given or task.horizon or self.horizon

    def check_camera(self, name: str) -> None:
        """Check that there is a camera of this name.

        Raises:
            ConfigError: there is none; the text names those that there are.

        """
        if name not in self.cameras:
            raise ConfigError(f'unknown camera {name!r}; known: {", ".join(self.cameras)}')


def simulator_of(environment: str) -> str:
    """Return the simulator of a registered Gymnasium environment, for `find_simulator`.

    Args:
        environment: as in `gymnasium.make`: name, or `module:name`, whose module registers it.

    Raises:
        ConfigError: it is not registered, or not as a `SimulatorEnv`, or with further options,
            which nodes do not get.

    """
    module, _, name = environment.rpartition(':')
    try:
        if module:
            importlib.import_module(module)
        options = gymnasium.spec(name).kwargs
    # A user's module may raise anything.
    except Exception as error:
        raise ConfigError(
            f'environment {environment}: {type(error).__name__}: {one_line(error)}'
        ) from error
    if 'simulator' not in options:
        raise ConfigError(
            f'environment {environment} is no simulator of the suite, and runs in process only; '
            'use python -m irevla_learner.algorithm1, or register a SimulatorEnv '
            '(docs/guide.md, "A simulator of your own")'
        )
    others = sorted(set(options) - {'simulator'})
    if others:
        raise ConfigError(
            f'environment {environment}: over ROS its registered {", ".join(others)} would have '
            'no effect; register it with "simulator" alone and give its tasks their values, or '
            'use python -m irevla_learner.algorithm1'
        )
    return str(options['simulator'])


def module_of(name: str) -> str:
    """Return the Python module of a simulator, which is not imported.

    Raises:
        ConfigError: the name is not that of a shipped simulator, and there is no such module, or
            its package fails on import.

    """
    module = SHIPPED.get(name, name)
    try:
        found = importlib.util.find_spec(module) is not None
    # The package of a user's module is imported, which may raise anything.
    except Exception as error:
        if not _is_absent(module, error):
            raise _import_error(name, module, error) from error
        found = False
    if not found:
        raise ConfigError(
            f'unknown simulator {name!r}; use {" or ".join(SHIPPED)}, or a Python module on '
            'PYTHONPATH that has SIMULATOR'
        )
    return module


def find_simulator(name: str) -> Simulator:
    """Return a simulator: a shipped one by name, another by its Python module.

    Raises:
        ConfigError: there is no such module, it fails on import, or it has no `SIMULATOR`.

    """
    module = module_of(name)
    try:
        found = getattr(importlib.import_module(module), 'SIMULATOR', None)
    # A user's module may raise anything.
    except Exception as error:
        raise _import_error(name, module, error) from error
    if not isinstance(found, Simulator):
        raise ConfigError(
            f'simulator {name!r}: module {module} has no SIMULATOR of type '
            'irevla_sim.simulator.simulator.Simulator'
        )
    return found


def _is_absent(module: str, error: Exception) -> bool:
    """Return whether the error of `find_spec` says that there is no such module."""
    if isinstance(error, ModuleNotFoundError):
        return error.name is not None and f'{module}.'.startswith(f'{error.name}.')
    # Such as a name that is empty.
    return isinstance(error, ValueError)


def _import_error(name: str, module: str, error: Exception) -> ConfigError:
    return ConfigError(
        f'simulator {name!r}: module {module} fails on import: {type(error).__name__}: '
        f'{one_line(error)}'
    )
