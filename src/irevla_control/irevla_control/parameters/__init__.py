# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of nodes as data, and the check of params files; without ROS.

May import: nothing.
"""
