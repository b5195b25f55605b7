# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy on disk or as bytes: checkpoints, heads, and the state that training resumes from.

May import: irevla_control, model.
"""
