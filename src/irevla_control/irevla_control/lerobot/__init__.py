# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Exports recorded episodes to LeRobotDataset v3.0, and reads such datasets.

May import: bags.
"""
