# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A simulated Panda: robot, scene, cameras, SpaceMouse and operator, in real time.

May import: irevla_control.ros, irevla_control.arm, irevla_control.cameras, irevla_control.teleop.
"""
