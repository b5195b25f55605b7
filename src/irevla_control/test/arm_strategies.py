# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Limits and hypothesis strategies shared by the tests of the arm."""

from hypothesis import strategies as st
import numpy as np
from scipy.spatial.transform import Rotation

from irevla_control.arm.limits import DOWN, ArmLimits
from irevla_control.arm.pose import Pose

LIMITS = ArmLimits(
    box_low=(0.3, -0.3, 0.02),
    box_high=(0.7, 0.3, 0.5),
    max_tilt=0.5,
    max_step=0.05,
    max_step_turn=0.2,
    max_lead=0.1,
    max_lead_turn=0.5,
    max_speed=0.25,
    max_turn_speed=1.0,
    max_acceleration=2.0,
    max_turn_acceleration=8.0,
    max_yaw=np.pi,
)
# The end effector straight down.
HOME = Pose(np.array([0.5, 0.0, 0.3]), Rotation.from_quat([1, 0, 0, 0]))

numbers = st.floats(-1, 1)
vectors = st.tuples(numbers, numbers, numbers).map(np.array)
# Rotation vectors up to half a turn, where they are discontinuous.
turns = st.tuples(vectors, st.one_of(st.floats(0, np.pi), st.just(np.pi))).map(
    lambda pair: pair[0] / max(np.linalg.norm(pair[0]), 1e-9) * pair[1]
)
poses = st.builds(
    lambda position, turn: Pose(position, Rotation.from_rotvec(turn)), vectors, turns
)


def tilt(pose):
    return np.arccos(np.clip(pose.tool_axis @ DOWN, -1, 1))


def assert_inside(pose, limits=LIMITS, slack=1e-6):
    assert (pose.position >= np.array(limits.box_low) - slack).all(), pose.position
    assert (pose.position <= np.array(limits.box_high) + slack).all(), pose.position
    # The arc cosine is imprecise near zero.
    assert tilt(pose) <= limits.max_tilt + slack + 1e-6
