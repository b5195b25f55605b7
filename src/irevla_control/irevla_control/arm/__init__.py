# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""How an arm is led within limits: poses, setpoint, way home, modes; no robot, no ROS.

May import: nothing.
"""
