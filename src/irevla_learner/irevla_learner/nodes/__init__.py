# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The `learner` and `reward` nodes, and what joins their messages into episodes.

May import: sacfd, replay.latent_episode, classifier.success_classifier, runs.outcome,
irevla_control.parameters, irevla_control.ros, irevla_policy.checkpoints,
irevla_policy.model.device.
"""
