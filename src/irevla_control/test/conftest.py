# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Shared fixtures: serial execution and an isolated ROS domain."""

import os

import pytest
import rclpy


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Run one test at a time, because many depend on timing."""
    return 0


@pytest.fixture(scope='module')
def ros():
    """A context of rclpy in a domain of this test run's own."""
    os.environ['ROS_DOMAIN_ID'] = str(1 + os.getpid() % 100)
    rclpy.init()
    yield
    # A test may have shut it down.
    rclpy.try_shutdown()
