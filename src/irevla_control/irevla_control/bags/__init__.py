# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""One episode as a rosbag2 folder: written, listed and read, with or without ROS installed.

May import: nothing.
"""
