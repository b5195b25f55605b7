# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Episodes played in parallel environments, without ROS.

May import: replay.latent_episode, classifier.success_classifier, runs.evaluation,
irevla_policy.model,
irevla_control.episodes.curriculum.
"""
