# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The arm: actions of the suite as joint velocities, and its measured state."""

import mujoco
import numpy as np

from irevla_sim.kitchen.inverse_kinematics import joint_velocities

JOINTS = 7
HAND, BASE = 'end_effector', 'panda0_link0'
FINGERS_OPEN_M = 0.04
# One simulator step, and the time in which the hand shall reach its target [s].
STEP_S, REACH_TARGET_S = 0.04, 0.06
# Largest motion of the hand's target in one simulator step [m], [rad].
METRES_PER_STEP, RADIANS_PER_STEP = 0.01, 0.04
# Largest distance of the target from the hand [m], [rad]: limits the force on what is touched.
MAX_LEAD_M, MAX_LEAD_RAD = 0.04, 0.3
# Joint velocities that the actuators reach [rad/s]: their torque less the arm's weight, over the
# damping of the joints; a Panda's are larger. Distance kept from the limits of range [rad].
MAX_JOINT_SPEED = np.array([0.75] * 4 + [1.1] * 3)
JOINT_MARGIN = 0.03
# Share of the distance to the home posture covered per second, where the hand leaves a choice.
POSTURE_GAIN = 1.0
# The home posture [rad]; the hand points to the cabinets.
HOME = np.array([0.44, -0.49, 0.05, -2.7, -0.4, 1.45, 0.47])


class Arm:
    """Moves the hand of a kitchen's model; poses are in the frame of the robot's base."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Control the arm of a compiled model, whose base is fixed; poses are computed."""
        self._model, self._data = model, data
        self._hand = model.site(HAND).id
        base = data.body(BASE)
        # Rotation from the base frame to the world (3, 3).
        self.to_world = base.xmat.reshape(3, 3).copy()
        self._origin = base.xpos.copy()
        limits = model.jnt_range[:JOINTS]
        self._low, self._high = limits[:, 0] + JOINT_MARGIN, limits[:, 1] - JOINT_MARGIN
        self._gain = model.actuator_gainprm[:JOINTS, 0].copy()
        # Torque of the actuators for a velocity, as a lead of their position target [s].
        self._lag = model.dof_damping[:JOINTS] / self._gain
        self._substeps = round(STEP_S / model.opt.timestep)
        self._jacobian = np.zeros((6, model.nv))

    def reset(self, joints: np.ndarray) -> None:
        """Put the arm at rest at joint angles (7,) [rad]; the fingers stay where they are."""
        self._data.qpos[:JOINTS] = joints
        mujoco.mj_forward(self._model, self._data)
        self._target = self._data.site_xpos[self._hand].copy()
        self._target_turn = self._turn()
        self._data.ctrl[:JOINTS] = joints + self._feed_forward()
        self._data.ctrl[JOINTS:] = self._data.qpos[JOINTS : JOINTS + 2]

    def step(self, translation: np.ndarray, rotation: np.ndarray, gripper: float) -> None:
        """Move the hand's target, and the hand after it, for one simulator step.

        Args:
            translation: of the target in the base frame (3,) [m].
            rotation: of the target, a rotation vector in the base frame (3,) [rad].
            gripper: opening, 0 closed to 1 open.

        """
        data = self._data
        self._move_target(translation, rotation)
        error = np.concatenate([self._target - data.site_xpos[self._hand], self._turn_error()])
        jacobian = self._jacobian
        mujoco.mj_jacSite(self._model, data, jacobian[:3], jacobian[3:], self._hand)
        joints = data.qpos[:JOINTS]
        speed = joint_velocities(
            jacobian[:, :JOINTS],
            error / REACH_TARGET_S,
            POSTURE_GAIN * (HOME - joints),
            np.maximum((self._low - joints) / STEP_S, -MAX_JOINT_SPEED),
            np.minimum((self._high - joints) / STEP_S, MAX_JOINT_SPEED),
        )
        target = joints + speed * self._lag + self._feed_forward()
        data.ctrl[JOINTS:] = gripper * FINGERS_OPEN_M
        stride = speed * self._model.opt.timestep
        for _ in range(self._substeps):
            target += stride
            data.ctrl[:JOINTS] = target
            mujoco.mj_step(self._model, data)
        # mj_step leaves poses and velocities of the state before its last integration.
        mujoco.mj_kinematics(self._model, data)
        mujoco.mj_comPos(self._model, data)
        mujoco.mj_camlight(self._model, data)
        mujoco.mj_comVel(self._model, data)

    def to_base(self, point: np.ndarray) -> np.ndarray:
        """Return a point (3,) of the world in the base frame."""
        return self.to_world.T @ (point - self._origin)

    def state(self) -> dict[str, np.ndarray]:
        """Return the measured state, as `irevla_sim.simulator.scene.Scene.robot`."""
        data = self._data
        turn = self.to_world.T @ data.site_xmat[self._hand].reshape(3, 3)
        quaternion, velocity = np.empty(4), np.empty(6)
        mujoco.mju_mat2Quat(quaternion, turn.ravel())
        mujoco.mj_objectVelocity(
            self._model, data, mujoco.mjtObj.mjOBJ_SITE, self._hand, velocity, 0
        )
        fingers = data.qpos[JOINTS : JOINTS + 2]
        return {
            'position': self.to_base(data.site_xpos[self._hand]),
            'quaternion': quaternion[[1, 2, 3, 0]],
            'gripper': np.clip(fingers.sum() / (2 * FINGERS_OPEN_M), 0, 1),
            'twist': np.concatenate([velocity[3:] @ self.to_world, velocity[:3] @ self.to_world]),
            'joint_position': data.qpos[:JOINTS].copy(),
            'joint_velocity': data.qvel[:JOINTS].copy(),
        }

    def _move_target(self, translation: np.ndarray, rotation: np.ndarray) -> None:
        data = self._data
        position = data.site_xpos[self._hand]
        lead = self._target + self.to_world @ translation - position
        self._target = position + _shortened(lead, MAX_LEAD_M)
        turn, turned = np.empty(4), np.empty(4)
        _quaternion(turn, self.to_world @ rotation)
        mujoco.mju_mulQuat(turned, turn, self._target_turn)
        self._target_turn = turned
        error = self._turn_error()
        if np.linalg.norm(error) > MAX_LEAD_RAD:
            _quaternion(turn, _shortened(error, MAX_LEAD_RAD))
            mujoco.mju_mulQuat(turned, turn, self._turn())
        mujoco.mju_normalize4(self._target_turn)

    def _turn(self) -> np.ndarray:
        turn = np.empty(4)
        mujoco.mju_mat2Quat(turn, self._data.site_xmat[self._hand])
        return turn

    def _turn_error(self) -> np.ndarray:
        inverse, turn, error = np.empty(4), np.empty(4), np.empty(3)
        mujoco.mju_negQuat(inverse, self._turn())
        mujoco.mju_mulQuat(turn, self._target_turn, inverse)
        mujoco.mju_quat2Vel(error, turn, 1.0)
        return error

    def _feed_forward(self) -> np.ndarray:
        """Return the lead of the position targets that carries the arm's weight (7,) [rad]."""
        return self._data.qfrc_bias[:JOINTS] / self._gain


def _quaternion(result: np.ndarray, rotation: np.ndarray) -> None:
    angle = np.linalg.norm(rotation)
    axis = rotation / angle if angle > 0 else np.array([1.0, 0.0, 0.0])
    mujoco.mju_axisAngle2Quat(result, axis, angle)


def _shortened(vector: np.ndarray, length: float) -> np.ndarray:
    size = np.linalg.norm(vector)
    return vector * (length / size) if size > length else vector
