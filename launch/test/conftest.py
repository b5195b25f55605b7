# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the launch tests."""

import graph
import pytest

graph.use_own_domain()


@pytest.fixture(scope='session')
def checkpoint(tmp_path_factory):
    return graph.untrained_checkpoint(tmp_path_factory.mktemp('policy') / 'checkpoint')
