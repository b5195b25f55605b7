# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Any image-text-to-text model of transformers, from a folder or the hub."""
