# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The VLA: VLM with LoRA, token learner and head, their configuration and normalisation.

May import: irevla_control.
"""
