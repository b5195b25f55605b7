# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What a pretrained model brings in its folder: files, weights, processor.

May import: nothing.
"""
