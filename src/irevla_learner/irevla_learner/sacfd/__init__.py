# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""SACfD on cached latents: actor, critics, and the learner that trains on episodes.

May import: replay, irevla_policy.model, irevla_policy.checkpoints.
"""
