# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Episodes as latents: their replay on disk, and encoded demonstrations.

May import: irevla_control.bags.usage, irevla_policy.model.latent_policy.
"""
