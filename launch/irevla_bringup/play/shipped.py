# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Where the shipped policy lies."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory

# The installed policy; in the repository launch/policy.
POLICY = Path(get_package_share_directory('irevla_bringup')) / 'policy'
CHECKPOINT, SCORES, CARD = 'checkpoint', 'scores.json', 'README.md'
