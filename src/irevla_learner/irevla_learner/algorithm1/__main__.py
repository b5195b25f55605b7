# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m irevla_learner.algorithm1``: see `program`."""

from irevla_learner.algorithm1.program import main, run_command

if __name__ == '__main__':
    run_command(main)
