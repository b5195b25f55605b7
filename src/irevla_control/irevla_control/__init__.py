# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Observations, commands, episodes and recordings of a robot, with the ROS foundations of the suite."""
