# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Policies on disk or as bytes, and the state from which a training continues.

May import: model, irevla_control.cameras.
"""
