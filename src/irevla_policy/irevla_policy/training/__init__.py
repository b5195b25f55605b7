# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Supervised training of a VLA: stages 0 and 2.

May import: model, checkpoints, frames, irevla_control.bags.
"""
