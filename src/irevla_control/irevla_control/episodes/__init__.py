# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Who commands, when an episode begins and how it ends: the mux, the robot's episode, the runner.

May import: ros.
"""
