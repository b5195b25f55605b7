# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Task after task, stage 1 and stage 2; the backend that needs no ROS.

May import: ppo, sacfd, rollout, classifier.success_classifier, runs, report.report,
irevla_policy.model, irevla_policy.checkpoints, irevla_policy.frames, irevla_policy.training.
"""
