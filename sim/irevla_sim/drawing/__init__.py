# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Fast drawing of a MuJoCo model, the same for every simulator.

May import: nothing.
"""
