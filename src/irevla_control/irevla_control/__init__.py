# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What every folder shares: errors, observations, episodes, files.

May import: nothing.
"""
