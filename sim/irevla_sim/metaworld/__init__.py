# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Meta-World's tasks and variants, their scenes and their scripted expert.

May import: drawing, simulator.
"""
