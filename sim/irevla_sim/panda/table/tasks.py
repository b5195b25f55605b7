# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The tasks of the table: instruction, success by the true state, and random layouts."""

from dataclasses import dataclass
import enum

import numpy as np

from irevla_control.errors import ConfigError
from irevla_sim.panda.table.objects import (
    BUTTON_TRAVEL,
    PLATE_RADIUS,
    THINGS,
    TableState,
)

# Height of a lifted object [m].
LIFTED = 0.08
# Height of the centre of an object on the plate, and opening of a hand that released it [m].
ON_PLATE, RELEASED = 0.05, 0.06
# Travel of an opened drawer and of a pressed button [m].
OPENED, PRESSED = 0.08, 0.8 * BUTTON_TRAVEL
# Region of objects (x, y) [m] in the base frame, and their least distance from fixtures [m].
REGION = np.array([[0.42, -0.16], [0.6, 0.16]])
APART = 0.13
# Region of each fixture (x, y) [m].
FIXTURE_REGIONS = {
    'plate': np.array([[0.45, -0.16], [0.6, 0.16]]),
    'drawer': np.array([[0.6, -0.12], [0.64, 0.12]]),
    'button': np.array([[0.42, -0.16], [0.6, 0.16]]),
}


class Kind(enum.Enum):
    """What a task asks for."""

    PICK = 'pick'
    PLACE = 'place'
    OPEN = 'open'
    PRESS = 'press'


@dataclass(frozen=True)
class Task:
    """A task: the object that it names ('' for none), and the fixture that it needs."""

    instruction: str
    kind: Kind
    thing: str = ''
    fixture: str = ''

    def done(self, state: TableState) -> bool:
        """Return whether the task is done, by the true state of the scene."""
        if self.kind == Kind.OPEN:
            return state.moved('drawer') > OPENED
        if self.kind == Kind.PRESS:
            return -state.moved('button') > PRESSED
        place, _ = state.thing(self.thing)
        if self.kind == Kind.PICK:
            return bool(place[2] > LIFTED)
        off = np.linalg.norm(place[:2] - state.fixture('plate'))
        return bool(off < PLATE_RADIUS and place[2] < ON_PLATE and state.fingers > RELEASED)


TASKS = {
    **{
        f'pick-{name.replace(" ", "-")}': Task(f'pick up the {name}', Kind.PICK, name)
        for name in THINGS
    },
    **{
        f'place-{name.replace(" ", "-")}': Task(
            f'put the {name} on the plate', Kind.PLACE, name, 'plate'
        )
        for name in ('red block', 'green block')
    },
    'open-drawer': Task('open the drawer', Kind.OPEN, fixture='drawer'),
    'press-button': Task('press the button', Kind.PRESS, fixture='button'),
}


def table_task(name: str) -> Task:
    """Return a task of the table.

    Raises:
        ConfigError: there is no task of this name.

    """
    if name not in TASKS:
        raise ConfigError(
            f'task {name!r} is not one of the simulated table; use one of {", ".join(TASKS)}'
        )
    return TASKS[name]


@dataclass(frozen=True)
class Layout:
    """What is on the table: objects with position (x, y) [m] and yaw [rad], fixtures (x, y)."""

    things: dict[str, tuple[float, float, float]]
    fixtures: dict[str, tuple[float, float]]


def random_layout(task: Task, seed: int) -> Layout:
    """Return the layout of a task and a seed: what the task needs."""
    random = np.random.default_rng(seed)
    fixtures: dict[str, tuple[float, float]] = {}
    if task.fixture:
        x, y = random.uniform(*FIXTURE_REGIONS[task.fixture])
        fixtures[task.fixture] = (float(x), float(y))
    things: dict[str, tuple[float, float, float]] = {}
    while task.thing and not things:
        x, y = (float(number) for number in random.uniform(*REGION))
        if all(np.hypot(x - other[0], y - other[1]) > APART for other in fixtures.values()):
            things[task.thing] = (x, y, float(random.uniform(-np.pi, np.pi)))
    return Layout(things, fixtures)
