# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Whose command counts, when an episode begins, how it ends: mux, robot's episode, runner.

May import: ros, bags.
"""
