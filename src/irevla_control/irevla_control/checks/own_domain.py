# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A ROS domain for one test process, separate from other graphs on the machine."""

import os
from pathlib import Path
import tempfile

from irevla_control.errors import IrevlaError
from irevla_control.files import InUseError, Lock

# Number of domains whose ports are free on Linux.
DOMAINS = 100
_claimed: dict[str, Lock] = {}


def use_own_domain() -> str:
    """Set and return a `ROS_DOMAIN_ID` that no other caller has until this process ends.

    Raises:
        IrevlaError: all domains are taken.

    """
    if not _claimed:
        _claim()
    (domain,) = _claimed
    os.environ['ROS_DOMAIN_ID'] = domain
    return domain


def _claim() -> None:
    folder = Path(tempfile.gettempdir()) / f'irevla-domains-{os.getuid()}'
    folder.mkdir(exist_ok=True)
    # Each process starts at another number, so that few numbers are tried.
    for number in range(os.getpid(), os.getpid() + DOMAINS):
        domain = str(1 + number % DOMAINS)
        try:
            _claimed[domain] = Lock(folder / domain)
            return
        except InUseError:
            continue
    raise IrevlaError(f'all {DOMAINS} ROS domains are in use; wait for other tests to end')
