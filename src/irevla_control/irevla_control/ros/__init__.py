# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Shared parts of nodes; in this package only this folder and *_node.py files import ROS.

May import: parameters.
"""
