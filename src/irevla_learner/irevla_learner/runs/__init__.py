# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A run on disk: folder and manifest, task groups, layouts, results of episodes.

May import: nothing.
"""
