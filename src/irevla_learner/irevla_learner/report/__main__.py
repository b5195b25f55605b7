# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m irevla_learner.report RUN_FOLDER``: see `report`."""

from irevla_learner.report.report import main

if __name__ == '__main__':
    main()
