# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Episodes: command mux, start and end of an episode on a robot, runner of many episodes.

May import: ros, bags.
"""
