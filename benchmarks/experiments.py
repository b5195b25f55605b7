# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The old name of `python benchmarks/experiments/run.py`."""

from pathlib import Path
import runpy
import sys

if __name__ == '__main__':
    new = Path(__file__).with_suffix('') / 'run.py'
    print(f'{__file__} is now {new}; the next release drops the old name', file=sys.stderr)
    sys.path[0] = str(new.parent)
    runpy.run_path(str(new), run_name='__main__')
