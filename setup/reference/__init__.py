# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Pages of the site that are made from the sources: everything in docs/reference of the site."""
