# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Simulated cameras and SpaceMouse behind the real drivers, and a script that moves the mouse.

May import: panda, panda.table, ros, irevla_control.ros, irevla_control.arm,
irevla_control.cameras, irevla_control.teleop.
"""
