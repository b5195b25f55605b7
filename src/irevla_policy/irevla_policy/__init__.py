# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The VLA; directly here, what its folders and the learner share.

May import: irevla_control.
"""

import os

# How often a thread of torch looks for another one before it sleeps; GNU's OpenMP reads it when
# torch is imported. Its own 300 000 keep a core from whatever the other thread waits for.
if 'OMP_WAIT_POLICY' not in os.environ:
    os.environ.setdefault('GOMP_SPINCOUNT', '1000')
