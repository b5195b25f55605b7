# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The iRe-VLA loop around the policy: run folders, evaluation, reports."""
