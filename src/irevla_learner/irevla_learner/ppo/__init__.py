# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""PPO, for the head or for the whole VLA.

May import: rollout.played, irevla_policy.model, irevla_policy.checkpoints.
"""
