# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Nodes of the robot and of episodes; directly here, what they all share.

May import: nothing.
"""
