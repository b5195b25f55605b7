# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What every node of the suite shares; the only part of the cores' packages that knows ROS."""
