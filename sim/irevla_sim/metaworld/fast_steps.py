# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Meta-World's step and reset: the same results, bit for bit, with less work."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import math
from typing import Any

from metaworld.sawyer_xyz_env import SawyerXYZEnv
import mujoco
import numpy as np

HAND_ORIENTATION = np.array([1.0, 0.0, 1.0, 0.0])
# Distance of the fingers that counts as open [m].
OPEN_M = 0.1


class FastSteps:
    """Steps an environment of Meta-World whose goal is observable.

    It leaves out look-ups by name, checks of arguments, and what no task reads: forces of contacts
    on bodies (`mj_rnePostConstraint`), and the goal's marker, which `mj_forward` places again.
    """

    def __init__(self, env: SawyerXYZEnv) -> None:
        """Replace the environment's methods for observation, contact and a reset's motion."""
        self._env = env
        # Whether a reset moves the hand to its start.
        self._moves = True
        self._hand, self._right, self._left = (
            env.data.body(name).xpos for name in ('hand', 'rightclaw', 'leftclaw')
        )
        space = env.sawyer_observation_space
        self._low, self._high = space.low, space.high
        self._pads = env.data.geom('leftpad_geom').id, env.data.geom('rightpad_geom').id
        replaced: Any = env
        replaced._get_curr_obs_combined_no_goal = self._observe
        replaced.touching_object = self._touches
        replaced.do_simulation = self._simulate

    def step(self, action: np.ndarray) -> tuple[np.ndarray, bool]:
        """Apply an action (4,) from -1 to 1 for 12.5 ms; return observation (39,) and success.

        Raises:
            ValueError: the episode has had all its steps.

        """
        env, model, data = self._env, self._env.model, self._env.data
        if env.curr_path_length >= env.max_path_length:
            raise ValueError(f'the episode ended after {env.max_path_length} steps; reset it')
        target = data.mocap_pos[0] + action[:3] * env.action_scale
        data.mocap_pos[0] = target.clip(env.mocap_low, env.mocap_high)
        data.mocap_quat[0] = HAND_ORIENTATION
        self._simulate((action[3], -action[3]), env.frame_skip)
        env.curr_path_length += 1
        mujoco.mj_forward(model, data)
        observation = env._get_obs().clip(self._low, self._high)
        _, info = env.evaluate_state(observation, action)
        return observation, bool(info['success'])

    @contextmanager
    def without_motion(self) -> Iterator[None]:
        """Leave out the hand's motion in resets whose state is discarded."""
        self._moves = False
        try:
            yield
        finally:
            self._moves = True

    def _simulate(self, ctrl: Sequence[float], n_frames: int) -> None:
        """Apply a control (2,) to the fingers for a number of steps of the physics."""
        if self._moves:
            self._env.data.ctrl[:] = ctrl
            mujoco.mj_step(self._env.model, self._env.data, nstep=n_frames)

    def _observe(self) -> np.ndarray:
        """Return position of the hand, opening, and poses of objects, without the goal (18,)."""
        env = self._env
        apart = self._right - self._left
        observation = np.zeros(4 + env._obs_obj_max_len)
        observation[:3] = self._hand
        observation[3] = min(max(math.sqrt(apart.dot(apart)) / OPEN_M, 0.0), 1.0)
        positions, orientations = env._get_pos_objects(), env._get_quat_objects()
        for number in range(len(positions) // 3):
            pose = observation[4 + 7 * number :]
            pose[:3] = positions[3 * number : 3 * number + 3]
            pose[3:7] = orientations[4 * number : 4 * number + 4]
        return observation

    def _touches(self, geom: int) -> bool:
        """Return whether both pads of the gripper press on a geom (its id)."""
        contacts, forces = self._env.data.contact, self._env.data.efc_force
        pairs = contacts.geom
        on_geom = (pairs == geom).any(axis=1)
        return all(
            sum(forces[contacts.efc_address[on_geom & (pairs == pad).any(axis=1)]]) > 0
            for pad in self._pads
        )
