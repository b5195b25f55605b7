# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Encodes recorded demonstrations with a policy's backbone, for stage 1.

May import: replay.encoded_episode, replay.encoded_demonstrations, irevla_control.bags,
irevla_policy.model, irevla_policy.checkpoints, irevla_policy.frames.
"""
