# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""One task's Meta-World scene: build with its variant, reset from a seed, step, render."""

from collections.abc import Callable
import sys
from typing import Any

from metaworld.env_dict import ALL_V3_ENVIRONMENTS
from metaworld.sawyer_xyz_env import SawyerXYZEnv
import mujoco
import numpy as np

from irevla_control.errors import ConfigError
from irevla_sim.drawing.drawn_scene import DrawnScene
from irevla_sim.metaworld.actions import ACTION_REPEAT, to_metaworld
from irevla_sim.metaworld.fast_steps import FastSteps
from irevla_sim.metaworld.rendering import Renderer, prepare_model
from irevla_sim.simulator.tasks import Task

ARM_JOINTS = 7
RESET_AXES = {'x': 0, 'y': 1}
# Tasks whose goal is a point in space, visible only by its marker.
FREE_GOALS = {
    'reach-v3',
    'reach-wall-v3',
    'push-v3',
    'push-back-v3',
    'push-wall-v3',
    'pick-place-v3',
    'pick-place-wall-v3',
    'pick-out-of-hole-v3',
}
# Model fields that Meta-World's resets write.
LAYOUT_FIELDS = ('body_pos', 'body_quat', 'site_pos', 'geom_pos', 'geom_quat', 'geom_rgba')


class Scene(DrawnScene):
    """A task's simulation.

    A reset depends only on its seed, not on earlier episodes.
    """

    def __init__(self, task: Task, image_size: int, action_repeat: int = ACTION_REPEAT) -> None:
        """Build the scene.

        Args:
            task: what is simulated.
            image_size: height and width of the images [pixels].
            action_repeat: Meta-World steps of 12.5 ms of one decision.

        Raises:
            ConfigError: the variant names a part that the task's model does not have.

        """
        self.task = task
        self._env = _build(task)
        super().__init__(self._env.model, self._env.data, Renderer, image_size)
        # The caller ends an episode.
        self._env.max_path_length = sys.maxsize
        self._action_repeat = action_repeat
        self._steps = FastSteps(self._env)
        for name, colour in task.variant.colours.items():
            _named(self.model.mat, 'material', name, task).rgba[:] = colour
        prepare_model(self.model, task.variant.cameras, show_goal=task.base in FREE_GOALS)
        self._hand = self.model.body('hand').id
        self._layout = {name: getattr(self.model, name).copy() for name in LAYOUT_FIELDS}

    def reset(self, seed: int) -> np.ndarray:
        """Reset the scene to the layout of a seed; return Meta-World's observation (39,)."""
        for name, values in self._layout.items():
            getattr(self.model, name)[:] = values
        mujoco.mj_resetData(self.model, self.data)
        mujoco.mj_forward(self.model, self.data)
        self._env.seed(seed)
        # Draw a layout, then reset to it: some tasks read their object's position before they
        # place it, and would use that of the previous layout.
        self._env._freeze_rand_vec = False
        with self._steps.without_motion():
            self._env.reset_model()
        self._env._freeze_rand_vec = True
        mujoco.mj_resetData(self.model, self.data)
        self._env.reset_model()
        self._env.curr_path_length = 0
        # Some tasks set a joint last; this updates the poses that depend on it.
        mujoco.mj_forward(self.model, self.data)
        self._env._prev_obs = self._env._get_curr_obs_combined_no_goal()
        self._state = self._env._get_obs()
        return self._state

    def execute(self, action: np.ndarray) -> tuple[np.ndarray, bool]:
        """Apply an action (7,), whose rotation has no effect, for one decision.

        Returns Meta-World's observation (39,), and whether one of its steps succeeded.
        """
        command = to_metaworld(action, self._action_repeat)
        succeeded = False
        for _ in range(self._action_repeat):
            state, success = self.step(command)
            succeeded |= success
        return state, succeeded

    def step(self, action: np.ndarray) -> tuple[np.ndarray, bool]:
        """Apply Meta-World's own action (4,) for 12.5 ms; return its observation and success."""
        self._state, success = self._steps.step(action)
        return self._state, success

    def robot(self) -> dict[str, np.ndarray]:
        """Return the measured state of the robot, as `irevla_sim.simulator.scene.Scene`."""
        w, x, y, z = self.data.xquat[self._hand]
        velocity = np.empty(6)
        mujoco.mj_objectVelocity(
            self.model, self.data, mujoco.mjtObj.mjOBJ_BODY, self._hand, velocity, 0
        )
        return {
            'position': self._state[:3].copy(),
            'gripper': self._state[3],
            'quaternion': np.array([x, y, z, w]),
            'twist': np.concatenate([velocity[3:], velocity[:3]]),
            'joint_position': self.data.qpos[:ARM_JOINTS].copy(),
            'joint_velocity': self.data.qvel[:ARM_JOINTS].copy(),
        }


def _build(task: Task) -> SawyerXYZEnv:
    # Any, because the base class of the subclass is selected at run time.
    stock: Any = ALL_V3_ENVIRONMENTS[task.base]

    class Resized(stock):
        """Meta-World's environment with the variant's sizes."""

        def _initialize_simulation(self) -> tuple[mujoco.MjModel, mujoco.MjData]:
            spec = mujoco.MjSpec.from_file(self.fullpath)
            for name, scale in task.variant.sizes.items():
                mesh = spec.mesh(name)
                part = mesh or _named(spec.geom, 'mesh or geom', name, task)
                field = 'scale' if mesh else 'size'
                setattr(part, field, np.multiply(getattr(part, field), scale))
            model = spec.compile()
            return model, mujoco.MjData(model)

    env = (Resized if task.variant.sizes else stock)()
    # Layouts are drawn from `seed`, and the observation has the goal, which experts need; the
    # cached space was computed for a hidden goal and would clip it to zero.
    env._partially_observable = False
    env.__dict__.pop('sawyer_observation_space', None)
    env.seeded_rand_vec = True
    env._set_task_called = True
    box = env._random_reset_space
    for axis, (low, high) in task.variant.position.items():
        box.low[RESET_AXES[axis]], box.high[RESET_AXES[axis]] = low, high
    return env


def _named(find: Callable[[str], Any], kind: str, name: str, task: Task) -> Any:
    try:
        part = find(name)
    except KeyError:
        part = None
    if part is None:
        raise ConfigError(f'task {task.name}: its model {task.base} has no {kind} {name!r}')
    return part
