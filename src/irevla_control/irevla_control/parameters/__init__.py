# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of nodes as data, and the check of files that give them; no ROS in it.

May import: nothing.
"""
