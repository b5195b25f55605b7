# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m irevla_learner.encode``: see `program`."""

import sys

from irevla_control.errors import IrevlaError, one_line
from irevla_learner.encode.program import main

if __name__ == '__main__':
    try:
        main()
    except IrevlaError as error:
        sys.exit(f'encode: {one_line(error)}')
    except KeyboardInterrupt:
        sys.exit('stopped; nothing was written')
