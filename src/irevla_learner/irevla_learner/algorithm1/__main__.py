# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m irevla_learner.algorithm1``: see `program`."""

from irevla_control.processes import run_command
from irevla_learner.algorithm1.program import main

if __name__ == '__main__':
    run_command(main)
