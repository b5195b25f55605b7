# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The VLA; directly here, what its folders and the learner share.

May import: irevla_control.
"""
