# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""franky-sim's robot, fast enough for 1 kHz beside cameras on two cores.

MuJoCo compensates gravity and computes the end effector's pose, so neither is computed twice, and
states are written into an existing packet.
"""

from collections.abc import Sequence

from franky_sim.base_simulator import InnerRobotState
from franky_sim.franka_robot_state import FrankaRobotState
from franky_sim.mujoco_simulator import FrankaMujocoRobot
import mujoco
import numpy as np
from scipy.spatial.transform import Rotation

# Offset of the point between the fingertips in the hand's frame [m].
TOOL = np.array([0.0, 0.0, 0.1034])
JOINTS = 7
# Positions of the changing values in the packet, counted in floats.
POSE, POSE_D = slice(0, 16), slice(16, 32)
TAU, TAU_D, Q, Q_D, DQ, DQ_D = (
    slice(start, start + JOINTS) for start in (126, 133, 147, 154, 161, 168)
)


class PandaRobot(FrankaMujocoRobot):
    """One robot in a MuJoCo scene whose arm and hand have `gravcomp`."""

    def _attach_to_scene(self, model: mujoco.MjModel, data: mujoco.MjData, prefix: str) -> None:
        super()._attach_to_scene(model, data, prefix)
        first, speed = self._qpos_addrs[0], self._dof_addrs[0]
        self._q = data.qpos[first : first + JOINTS]
        self._dq = data.qvel[speed : speed + JOINTS]
        self._tau = data.qfrc_applied[speed : speed + JOINTS]
        self._hand = data.body(f'{prefix}hand')

    def torque_control(self, torques: Sequence[float], has_new_command: bool = True) -> None:
        """Apply joint torques [Nm], clipped to the hardware's."""
        self._tau[:] = np.clip(torques, self.torque_limit_low, self.torque_limit_high)

    def joint_position_control(
        self, target_q: Sequence[float], has_new_command: bool = True
    ) -> None:
        """Control joint positions [rad], as the robot does without a client."""
        self.torque_control(self.kp * (np.asarray(target_q) - self._q) - self.kv * self._dq)

    def _get_state(self) -> InnerRobotState:
        if self._data is None:
            return super()._get_state()
        return InnerRobotState(
            tuple(self._q.tolist()), tuple(self._dq.tolist()), tuple(self._tau.tolist())
        )

    def _post_step(self) -> None:
        """Do nothing: franky-sim computes values here for control modes that are not used."""

    def _pose(self) -> np.ndarray:
        """Return the end effector's homogeneous matrix (4, 4) in the base frame."""
        pose = np.eye(4)
        pose[:3, :3] = self._hand.xmat.reshape(3, 3)
        pose[:3, 3] = self._hand.xpos + pose[:3, :3] @ TOOL
        return pose

    @property
    def state(self) -> FrankaRobotState:
        """Return a state with the fields needed before and after a motion."""
        inner, pose = self._get_state(), tuple(self._pose().flatten(order='F').tolist())
        about = self.robot_parameters
        tool = np.eye(4)
        tool[:3, :3] = Rotation.from_euler('xyz', about.ee_tcp_rpy).as_matrix()
        tool[:3, 3] = about.ee_tcp_xyz
        flange = tuple(tool.flatten(order='F').tolist())
        return FrankaRobotState(
            q=inner.q,
            q_d=inner.q,
            dq=inner.dq,
            tau_J=inner.tau_j,
            O_T_EE=pose,
            O_T_EE_d=pose,
            O_T_EE_c=pose,
            F_T_EE=flange,
            F_T_NE=flange,
            m_ee=about.ee_mass,
            F_x_Cee=about.ee_com,
            I_ee=about.ee_inertia,
            control_command_success_rate=1.0,
        )

    def fill(self, packet: bytearray) -> None:
        """Write the changing values into a packed state."""
        floats = np.frombuffer(packet, '<f4', DQ_D.stop)
        floats[POSE] = floats[POSE_D] = self._pose().ravel(order='F')
        floats[TAU] = floats[TAU_D] = self._tau
        floats[Q] = floats[Q_D] = self._q
        floats[DQ] = floats[DQ_D] = self._dq
