# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Franka Kitchen: its tasks with the robot's interface, and their scripted experts.

May import: drawing, simulator.
"""
