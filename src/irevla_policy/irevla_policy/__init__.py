# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The vision-language-action model: backbone, head, checkpoints, training, inference node."""
