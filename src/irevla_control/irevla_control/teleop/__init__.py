# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Teleoperation: commands of the SpaceMouse, and the replay of a recorded episode.

May import: parameters, ros, bags.
"""
