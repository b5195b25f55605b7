# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The command `irevla`: a short name for each program and launch file of the suite.

May import: nothing.
"""
