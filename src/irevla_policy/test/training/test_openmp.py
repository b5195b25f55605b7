# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Threads of torch that wait for each other give their cores away soon."""

import os
import subprocess
import sys

import pytest


def display(**changes):
    """Return what OpenMP says that it took from the environment when torch starts it."""
    own = ('OMP_WAIT_POLICY', 'GOMP_SPINCOUNT')
    environment = {name: value for name, value in os.environ.items() if name not in own}
    done = subprocess.run(
        [sys.executable, '-c', 'import irevla_policy.model.head'],
        env=environment | {'OMP_DISPLAY_ENV': 'verbose'} | changes,
        capture_output=True,
        text=True,
        check=True,
    )
    if 'GOMP_SPINCOUNT' not in done.stderr:
        pytest.skip("this build of torch has another OpenMP than GNU's")
    return done.stderr


def test_a_thread_that_waits_soon_gives_its_core_away():
    """Else two threads beside two busy processes fall to a tenth of their speed."""
    assert "GOMP_SPINCOUNT = '1000'" in display()


def test_what_the_user_sets_stays():
    assert "GOMP_SPINCOUNT = '77'" in display(GOMP_SPINCOUNT='77')
    assert "GOMP_SPINCOUNT = '0'" in display(OMP_WAIT_POLICY='passive')
