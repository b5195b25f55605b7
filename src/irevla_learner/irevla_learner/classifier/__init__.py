# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The success classifier on latents: training and evaluation.

May import: report.plots, irevla_control.bags, irevla_policy.model, irevla_policy.checkpoints,
irevla_policy.frames.frame_store.
"""
