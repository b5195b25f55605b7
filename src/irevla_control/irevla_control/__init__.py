# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Observations, commands, episodes, recordings; the ROS foundations of the suite."""
