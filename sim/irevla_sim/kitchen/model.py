# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The model of one task: the original's, with the variant's colours, and a longer time step."""

import difflib

import mujoco

from irevla_control.errors import ConfigError
from irevla_sim.kitchen.rendering import prepare_spec
from irevla_sim.kitchen.stock_model import read_stock_model
from irevla_sim.simulator.tasks import Task

# Twice the original's; over an episode the hand's path differs by less than 2 mm.
TIMESTEP_S = 0.004


def build_model(task: Task) -> mujoco.MjModel:
    """Return the compiled model of a task.

    Raises:
        ConfigError: the task names a body or material that the model does not have, or opens its
            joint farther than it moves.

    """
    if task.variant.sizes:
        raise ConfigError(f'task {task.name}: the kitchen has no sizes to change; remove "sizes"')
    spec = read_stock_model()
    prepare_spec(spec, task.variant.cameras)
    spec.option.timestep = TIMESTEP_S
    _check(task, 'body', task.options['handle'][0], [body.name for body in spec.bodies])
    materials = [material.name for material in spec.materials]
    for name, colour in task.variant.colours.items():
        _check(task, 'material', name, materials)
        spec.material(name).rgba = colour
    model = spec.compile()
    _check_opened(task, model)
    return model


def _check_opened(task: Task, model: mujoco.MjModel) -> None:
    name, opened = task.options['joint'], task.options['opened']
    low, high = model.joint(name).range
    if not low <= opened <= high:
        raise ConfigError(
            f'task {task.name}: opened {opened:g}; the joint {name} moves from {low:.4g} to '
            f'{high:.4g}'
        )


def _check(task: Task, kind: str, name: str, known: list[str]) -> None:
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3) or known
        raise ConfigError(
            f'task {task.name}: the kitchen has no {kind} {name!r}; use {" or ".join(close)}'
        )
