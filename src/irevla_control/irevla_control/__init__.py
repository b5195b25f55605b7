# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The arm, cameras, operators, episodes, recordings; directly here, what they all share.

May import: nothing.
"""
