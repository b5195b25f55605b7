# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A simulated Panda: robot, scene and operator, in real time.

May import: panda.table, ros, irevla_control.ros, irevla_control.arm.
"""
