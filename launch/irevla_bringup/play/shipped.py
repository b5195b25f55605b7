# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Where the shipped policies lie."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory

_SHARE = Path(get_package_share_directory('irevla_bringup'))
# The installed policies for Meta-World and for the simulated Panda; in the repository
# launch/policy and launch/policy_panda.
POLICY, PANDA_POLICY = _SHARE / 'policy', _SHARE / 'policy_panda'
CHECKPOINT, SCORES, CARD = 'checkpoint', 'scores.json', 'README.md'
