# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""`irevla play`, and the policies that it shows.

May import: nothing.
"""
