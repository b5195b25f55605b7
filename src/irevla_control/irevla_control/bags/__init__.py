# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes, lists and reads episodes as rosbag2 folders; ROS need not be installed.

May import: nothing.
"""
