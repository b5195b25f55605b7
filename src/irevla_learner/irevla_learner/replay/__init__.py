# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Episodes as latents, and their replay on disk.

May import: nothing.
"""
