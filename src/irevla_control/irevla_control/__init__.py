# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Arm, cameras, teleoperation, episodes, recordings; the modules here are shared by all of them.

May import: nothing.
"""
