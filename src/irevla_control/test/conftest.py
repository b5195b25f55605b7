# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests share: no deadlines, for a busy machine is no defect, and a graph apart."""

import os

from hypothesis import settings
import pytest
import rclpy

settings.register_profile('irevla', deadline=None)
settings.load_profile('irevla')


@pytest.fixture(scope='module')
def ros():
    """A context of rclpy in a domain of this test run's own."""
    os.environ['ROS_DOMAIN_ID'] = str(1 + os.getpid() % 100)
    rclpy.init()
    yield
    # A test may have shut it down.
    rclpy.try_shutdown()
