# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A ROS domain for one test process: graphs of others on the machine are not in it."""

import os
from pathlib import Path
import tempfile

from irevla_control.errors import IrevlaError
from irevla_control.files import InUseError, Lock

# Domains whose ports are free on Linux.
DOMAINS = 100
_claimed: dict[str, Lock] = {}


def use_own_domain() -> str:
    """Set and return this process's `ROS_DOMAIN_ID`, which no other caller has until it ends.

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
    # Each process begins with another number, so that few are tried.
    for number in range(os.getpid(), os.getpid() + DOMAINS):
        domain = str(1 + number % DOMAINS)
        try:
            _claimed[domain] = Lock(folder / domain)
            return
        except InUseError:
            continue
    raise IrevlaError(f'all {DOMAINS} ROS domains are in use; wait for other tests to end')
