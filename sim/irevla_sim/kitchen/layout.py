# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The layout of one episode: where the robot and the objects start, drawn from a seed."""

from collections.abc import Mapping

import mujoco
import numpy as np

from irevla_sim.kitchen.arm import HOME, JOINTS
from irevla_sim.kitchen.tasks import AXES, GROUP_OF_JOINT
from irevla_sim.simulator.tasks import Task

# What moves together: bodies by the group's name. The cabinets touch each other.
GROUPS = {
    'microwave': ('microwave',),
    'cabinets': ('slidecabinet', 'hingecabinet'),
    'hood': ('hoodroot', 'knob 1', 'knob 2', 'knob 3', 'knob 4'),
}
# Largest offset along x and y of what the task is not about [m], of a joint of the arm [rad], and
# largest share of its way by which the task's joint is open at the start.
OTHERS_M, ARM_RAD, AJAR_SHARE = 0.02, 0.06, 0.05
# Centre of the kettle's places in the world [m]: the rear left burner, out of the arm's way, and
# beside all places of the microwave; as high as it comes to rest.
KETTLE_M = np.array([-0.24, 0.79, 1.6193])


class Layouts:
    """Draws layouts of a task and places them in its model."""

    def __init__(self, task: Task, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Remember the original's places; positions in ``data`` are computed."""
        self._task, self._model, self._data = task, model, data
        # Rotation to the frame of the body that a body is fixed to.
        self._to_parent = {
            body: data.xmat[model.body(body).parentid[0]].reshape(3, 3).T.copy()
            for bodies in GROUPS.values()
            for body in bodies
        }
        self._places = model.body_pos.copy()
        self._joint = model.joint(task.options['joint'])
        self._own = GROUP_OF_JOINT[self._joint.name]

    def place(self, seed: int, to_world: np.ndarray) -> np.ndarray:
        """Place the objects of a seed's layout; return the arm's joints at the start (7,) [rad].

        Args:
            seed: determines the layout.
            to_world: rotation from the frame of the robot's base (3, 3).

        """
        random = np.random.default_rng(seed)
        model, data = self._model, self._data
        model.body_pos[:] = self._places
        for group, bodies in GROUPS.items():
            box = self._box(group)
            ranges = np.array([box.get(axis, (0.0, 0.0)) for axis in AXES])
            offset = random.uniform(ranges[:, 0], ranges[:, 1])
            for body in bodies:
                model.body(body).pos += self._to_parent[body] @ to_world @ offset
        kettle = model.joint('kettle').qposadr[0]
        data.qpos[kettle : kettle + 3] = KETTLE_M
        data.qpos[kettle : kettle + 2] += random.uniform(-OTHERS_M, OTHERS_M, 2)
        ajar = random.uniform(0, AJAR_SHARE) * self._task.options['opened']
        data.qpos[self._joint.qposadr[0]] = ajar
        return HOME + random.uniform(-ARM_RAD, ARM_RAD, JOINTS)

    def _box(self, group: str) -> Mapping[str, tuple[float, ...]]:
        if group == self._own:
            return self._task.variant.position
        return {'x': (-OTHERS_M, OTHERS_M), 'y': (-OTHERS_M, OTHERS_M)}
