# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Commands under the names that they had before their modules moved, for one release."""

import runpy
import sys


def run_moved(old: str, new: str) -> None:
    """Run the module ``new`` as a command, and name it on stderr."""
    print(
        f'python -m {old} is now python -m {new}; the next release drops the old name',
        file=sys.stderr,
    )
    runpy.run_module(new, run_name='__main__', alter_sys=True)
