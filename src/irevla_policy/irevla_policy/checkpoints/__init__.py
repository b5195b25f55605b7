# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy on disk or as bytes, and the state that a training resumes from.

May import: model, irevla_control.cameras.
"""
