# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 1: stages 1 and 2 for one task after another; the backend without ROS.

May import: encode, ppo, sacfd, rollout, classifier.success_classifier, runs, report.report,
irevla_policy.model, irevla_policy.checkpoints, irevla_policy.frames, irevla_policy.training,
irevla_control.episodes.curriculum.
"""
