# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Launch files, Algorithm 1 over ROS, the demo.

May import: irevla_control*, irevla_policy*, irevla_learner*, irevla_sim*.
"""
