# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Statistics of measured times, and programs in processes of their own that measure bursts."""

from collections.abc import Mapping
import json
import os
from pathlib import Path
import subprocess
import sys
from typing import Any

import numpy as np


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Return the median and the 99th percentile [ms]."""
    return {
        f'p{share}': round(1e3 * float(np.percentile(seconds, share)), 3) for share in (50, 99)
    }


def start(*command: object, environment: Mapping[str, str] = os.environ) -> subprocess.Popen:
    """Start Python with the arguments of a command line."""
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def start_stock(program: Path, *arguments: object) -> subprocess.Popen:
    """Start a program that draws, without the suite's setting of Mesa's threads."""
    kept = {name: value for name, value in os.environ.items() if name != 'LP_NUM_THREADS'}
    return start(program, *arguments, environment=kept)


def ask(process: subprocess.Popen, request: object = '') -> Any:
    """Send a line; return the JSON that the program prints for it.

    Raises:
        SystemExit: the program ended.

    """
    process.stdin.write(f'{request}\n')
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        sys.exit('a process of the benchmark ended; see its error above')
    return json.loads(line)
