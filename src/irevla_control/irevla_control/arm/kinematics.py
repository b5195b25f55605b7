# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Forward and inverse kinematics of Franka's Panda and FR3, which share the same geometry.

Pure functions of joint positions (..., 7) [rad] of any number of arms. A tool (4, 4) is the pose
of the end effector's frame in the flange's frame.
"""

import numpy as np

from irevla_control.arm.pose import Pose

JOINTS = 7
# Modified Denavit-Hartenberg parameters as Franka publishes them: a [m], d [m], alpha [rad].
A = np.array([0.0, 0.0, 0.0, 0.0825, -0.0825, 0.0, 0.088])
D = np.array([0.333, 0.0, 0.316, 0.0, 0.384, 0.0, 0.0])
ALPHA = np.pi / 2 * np.array([0, -1, 1, 1, -1, 1, 1])
FLANGE = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0.107], [0, 0, 0, 1]])
# Singular value below which the inverse is damped: bounds the joint steps near a stretched arm.
LEAST_SINGULAR = 0.03
# `solved`: largest number of iterations, longest step [rad], step at which it converged [rad].
ROUNDS, MOST_STEP, NEAR = 60, 0.3, 1e-6


def _fixed_parts() -> np.ndarray:
    """Return each link's frame (7, 4, 4) in the previous one, at joint positions of zero."""
    parts = np.zeros((JOINTS, 4, 4))
    cos, sin = np.cos(ALPHA), np.sin(ALPHA)
    parts[:, 0, 0], parts[:, 3, 3], parts[:, 0, 3] = 1, 1, A
    parts[:, 1, 1], parts[:, 1, 2], parts[:, 1, 3] = cos, -sin, -sin * D
    parts[:, 2, 1], parts[:, 2, 2], parts[:, 2, 3] = sin, cos, cos * D
    return parts


FIXED = _fixed_parts()


def joint_frames(joints: np.ndarray) -> np.ndarray:
    """Return the frames (..., 8, 4, 4) of the seven joints and the flange in the base frame."""
    cos, sin = np.cos(joints)[..., None], np.sin(joints)[..., None]
    links = np.empty((*joints.shape, 4, 4))
    links[..., 0] = FIXED[..., 0] * cos + FIXED[..., 1] * sin
    links[..., 1] = FIXED[..., 1] * cos - FIXED[..., 0] * sin
    links[..., 2:] = FIXED[..., 2:]
    frames = np.empty((*joints.shape[:-1], JOINTS + 1, 4, 4))
    frames[..., 0, :, :] = links[..., 0, :, :]
    for number in range(1, JOINTS):
        frames[..., number, :, :] = frames[..., number - 1, :, :] @ links[..., number, :, :]
    frames[..., JOINTS, :, :] = frames[..., JOINTS - 1, :, :] @ FLANGE
    return frames


def tool_of(joints: np.ndarray, pose: Pose) -> np.ndarray:
    """Return the tool (..., 4, 4) that puts the end effector at a pose for these joints."""
    return np.linalg.inv(joint_frames(joints)[..., JOINTS, :, :]) @ pose.matrix


def forward(joints: np.ndarray, tool: np.ndarray) -> Pose:
    """Return the end effector's pose."""
    return Pose.from_matrix(joint_frames(joints)[..., JOINTS, :, :] @ tool)


def jacobian(frames: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Return the Jacobian (..., 6, 7) of a point: its twist per joint velocity, base frame.

    Args:
        frames: result of `joint_frames`.
        point: (..., 3) [m] fixed to the flange, in the base frame.

    """
    axes = frames[..., :JOINTS, :3, 2]
    arms = point[..., None, :] - frames[..., :JOINTS, :3, 3]
    return np.swapaxes(np.concatenate([np.cross(axes, arms), axes], axis=-1), -1, -2)


def inverse(derivative: np.ndarray) -> np.ndarray:
    """Return the damped inverse (..., 7, 6) of a Jacobian: the shortest joint steps."""
    back = np.swapaxes(derivative, -1, -2)
    squares, axes = np.linalg.eigh(derivative @ back)
    scaled = axes / np.maximum(squares, LEAST_SINGULAR**2)[..., None, :]
    return back @ scaled @ np.swapaxes(axes, -1, -2)


def step_to(joints: np.ndarray, target: Pose, tool: np.ndarray, posture: np.ndarray) -> np.ndarray:
    """Return joints (..., 7) one step nearer to a pose; the null space moves to the posture.

    Near the pose, one step leaves less than a thousandth of the distance.
    """
    frames = joint_frames(joints)
    here = Pose.from_matrix(frames[..., JOINTS, :, :] @ tool)
    derivative = jacobian(frames, here.position)
    back = inverse(derivative)
    error = np.concatenate(here.to(target), axis=-1)
    free = posture - joints
    step = _times(back, error) + free - _times(back, _times(derivative, free))
    longest = np.abs(step).max(axis=-1, keepdims=True)
    return joints + step * (MOST_STEP / np.maximum(longest, MOST_STEP))


def solved(target: Pose, tool: np.ndarray, posture: np.ndarray) -> np.ndarray | None:
    """Return the joints (7,) near a posture that reach a pose, or None if none are found."""
    joints = np.asarray(posture, float)
    for _ in range(ROUNDS):
        before, joints = joints, step_to(joints, target, tool, posture)
        if np.abs(joints - before).max() < NEAR:
            break
    translation, rotation = forward(joints, tool).to(target)
    near = np.linalg.norm(translation) < 1e-3 and np.linalg.norm(rotation) < 1e-2
    return joints if near else None


def _times(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    return (matrix @ vector[..., None])[..., 0]
