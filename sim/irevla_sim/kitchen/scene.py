# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""One task's kitchen: build with its variant, reset from a seed, execute actions, render."""

import mujoco
import numpy as np

from irevla_control.errors import ConfigError
from irevla_sim.drawing.drawn_scene import DrawnScene
from irevla_sim.kitchen.arm import METRES_PER_STEP, RADIANS_PER_STEP, Arm
from irevla_sim.kitchen.layout import Layouts
from irevla_sim.kitchen.model import build_model
from irevla_sim.kitchen.rendering import Renderer
from irevla_sim.kitchen.tasks import DEFAULT_SHARE, DEFAULT_STAY
from irevla_sim.simulator.tasks import Task

# Default number of simulator steps of a decision.
ACTION_REPEAT = 4
# Smallest distance of the handle from the axis of its hinge, so that it has a direction [m].
MIN_LEVER_M = 1e-6


class Scene(DrawnScene):
    """A task's simulation. A reset depends only on its seed, not on earlier episodes.

    The simulator state (15,), in the frame of the robot's base: position [m] (3) and quaternion
    (x, y, z, w) of the hand, opening of the gripper from 0 to 1, the point of the handle that the
    expert touches [m] (3), the direction in which it opens (3, unit length), and the share of its
    way that the joint has covered.
    """

    def __init__(self, task: Task, image_size: int, action_repeat: int = ACTION_REPEAT) -> None:
        """Build the scene.

        Args:
            task: what is simulated.
            image_size: height and width of the images [pixels].
            action_repeat: simulator steps of 40 ms of one decision.

        Raises:
            ConfigError: the task names a part that the model does not have, opens its joint
                farther than it moves, or has its handle on the joint's axis.

        """
        self.task = task
        model = build_model(task)
        super().__init__(model, mujoco.MjData(model), Renderer, image_size)
        self._action_repeat = action_repeat
        mujoco.mj_forward(self.model, self.data)
        self._layouts = Layouts(task, self.model, self.data)
        self._arm = Arm(self.model, self.data)
        self._joint = self.model.joint(task.options['joint']).id
        body, point = task.options['handle']
        self._body, self._point = self.model.body(body).id, np.array(point)
        if np.linalg.norm(self._way(self._handle())) < MIN_LEVER_M:
            raise ConfigError(
                f'task {task.name}: handle {point}; the point is on the axis of the joint '
                f'{task.options["joint"]}, use one apart from it'
            )

    def reset(self, seed: int) -> np.ndarray:
        """Reset to the layout of a seed; return the simulator state (15,)."""
        mujoco.mj_resetData(self.model, self.data)
        self._arm.reset(self._layouts.place(seed, self._arm.to_world))
        self._stayed = 0
        return self._state()

    def execute(self, action: np.ndarray) -> tuple[np.ndarray, bool]:
        """Apply an action (7,) for one decision.

        Returns the simulator state (15,), and whether the joint has now covered the needed share
        of its way in the needed number of decisions one after another.
        """
        translation = np.clip(action[:3] / self._action_repeat, -METRES_PER_STEP, METRES_PER_STEP)
        rotation = np.clip(action[3:6] / self._action_repeat, -RADIANS_PER_STEP, RADIANS_PER_STEP)
        for _ in range(self._action_repeat):
            self._arm.step(translation, rotation, float(action[6]))
        options = self.task.options
        state = self._state()
        covered = state[-1] >= options.get('success_share', DEFAULT_SHARE)
        self._stayed = self._stayed + 1 if covered else 0
        return state, self._stayed >= options.get('stay', DEFAULT_STAY)

    def robot(self) -> dict[str, np.ndarray]:
        """Return the measured state of the robot, as `irevla_sim.simulator.scene.Scene`."""
        return self._arm.state()

    def _state(self) -> np.ndarray:
        robot, handle = self._arm.state(), self._handle()
        way = self._way(handle)
        share = self.data.qpos[self.model.jnt_qposadr[self._joint]] / self.task.options['opened']
        return np.concatenate(
            [
                robot['position'],
                robot['quaternion'],
                [robot['gripper']],
                self._arm.to_base(handle),
                self._arm.to_world.T @ (way / np.linalg.norm(way)),
                [share],
            ]
        )

    def _handle(self) -> np.ndarray:
        """Return the point that the expert touches (3,), in the world [m]."""
        data = self.data
        return data.xpos[self._body] + data.xmat[self._body].reshape(3, 3) @ self._point

    def _way(self, handle: np.ndarray) -> np.ndarray:
        """Return the direction (3,) in which the handle opens, in the world, of any length."""
        data, joint = self.data, self._joint
        way = data.xaxis[joint] * np.sign(self.task.options['opened'])
        if self.model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_HINGE:
            way = np.cross(way, handle - data.xanchor[joint])
        return way
