# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What every folder and the learner share: settings, metrics, exploration noise.

May import: irevla_control.
"""
