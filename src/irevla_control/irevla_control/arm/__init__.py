# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The Franka arm and its hand: limits, setpoint, modes, control loop; ROS in the node only.

May import: ros.
"""
