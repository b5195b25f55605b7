# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The report of a run: figures, pages, plots, videos.

May import: runs, irevla_control.bags.
"""
