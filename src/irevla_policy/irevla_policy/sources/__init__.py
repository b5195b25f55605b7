# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Files, weights and processor of a pretrained model.

May import: nothing.
"""
