# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Simulated robots behind the same interface as the real one."""
