# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Groups of tasks: demonstrated by an expert, learned online, never trained on."""

GROUPS = ('expert', 'rl', 'held_out')
