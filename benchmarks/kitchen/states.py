# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""States of the kitchen to draw: the arm somewhere, one part moved."""

import mujoco
import numpy as np

# A part of each kind that tasks move, moved as far as it goes or nearly: at least as far as its
# task needs, and one knob for all.
MOVED = {
    'knob': {'knob_Joint_1': -1.57, 'bottom_right_burner': -0.009},
    'light': {'light_switch': -0.7, 'light_joint': -0.05},
    'microwave': {'microwave': -1.9},
    'slide door': {'slide_cabinet': 0.4},
    'left door': {'left_hinge_cabinet': -1.45},
}
ARM_JOINTS = 7


def state(model: mujoco.MjModel, joints: dict[str, float], seed: int) -> mujoco.MjData:
    """Return a state with the arm near its start and joints at their positions [rad or m]."""
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, 0)
    data.qpos[:ARM_JOINTS] += np.random.default_rng(seed).normal(0, 0.15, ARM_JOINTS)
    # Open fingers.
    data.qpos[ARM_JOINTS : ARM_JOINTS + 2] = 0.04
    for name, position in joints.items():
        data.joint(name).qpos[0] = position
    mujoco.mj_forward(model, data)
    return data


def reach(model: mujoco.MjModel, data: mujoco.MjData, site: str, distance_m: float) -> None:
    """Move the arm of a state until its fingertips are in front of a site, turned as before."""
    hand, target = model.site('end_effector').id, model.site(site).id
    goal = data.site_xpos[target] - [0, distance_m, 0]
    start = data.site_xmat[hand].reshape(3, 3).copy()
    jacobian = np.empty((6, model.nv))
    for _ in range(200):
        matrix = data.site_xmat[hand].reshape(3, 3)
        turn = np.sum(np.cross(matrix.T, start.T), axis=0) / 2
        error = np.concatenate([goal - data.site_xpos[hand], turn])
        mujoco.mj_jacSite(model, data, jacobian[:3], jacobian[3:], hand)
        arm = jacobian[:, :ARM_JOINTS]
        step = arm.T @ np.linalg.solve(arm @ arm.T + 0.01 * np.eye(6), error)
        data.qpos[:ARM_JOINTS] += np.clip(step, -0.1, 0.1)
        low, high = model.jnt_range[:ARM_JOINTS].T
        data.qpos[:ARM_JOINTS] = np.clip(data.qpos[:ARM_JOINTS], low, high)
        mujoco.mj_forward(model, data)
