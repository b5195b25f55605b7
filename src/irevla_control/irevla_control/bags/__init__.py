# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""One episode as a rosbag2 folder: written, listed, read; ROS need not be installed.

May import: nothing.
"""
