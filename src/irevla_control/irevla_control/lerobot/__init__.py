# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""LeRobotDataset v3.0: recorded episodes exported to it, and read from it.

May import: bags.
"""
