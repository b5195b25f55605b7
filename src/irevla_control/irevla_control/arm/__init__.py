# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Motion of an arm within limits: poses, setpoint, path home, modes; no robot, no ROS.

May import: parameters.
"""
