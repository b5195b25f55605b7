# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""VLM with LoRA, token learner, head: their configuration, passes and normalisation.

May import: sources.
"""
