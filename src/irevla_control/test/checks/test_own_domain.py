# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Test processes that run at the same time never share a ROS domain."""

import os
import subprocess
import sys

import pytest

from irevla_control.checks import own_domain
from irevla_control.errors import IrevlaError

PROGRAM = """
import os, sys
from irevla_control.checks.own_domain import use_own_domain
os.getpid = lambda: 100
print(use_own_domain(), flush=True)
sys.stdin.read()
"""


def test_processes_with_the_same_number_get_other_domains(tmp_path):
    running = [
        subprocess.Popen(
            [sys.executable, '-c', PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, 'TMPDIR': str(tmp_path)},
        )
        for _ in range(2)
    ]
    try:
        assert {process.stdout.readline().strip() for process in running} == {'1', '2'}
    finally:
        for process in running:
            process.communicate('')


def test_a_process_keeps_its_domain_although_the_variable_was_changed(monkeypatch):
    domain = own_domain.use_own_domain()
    monkeypatch.setenv('ROS_DOMAIN_ID', '250')
    assert own_domain.use_own_domain() == domain == os.environ['ROS_DOMAIN_ID']


def test_no_free_domain_is_said(monkeypatch):
    monkeypatch.setattr(own_domain, '_claimed', {})
    monkeypatch.setattr(own_domain, 'DOMAINS', 0)
    with pytest.raises(IrevlaError, match='all 0 ROS domains are in use'):
        own_domain.use_own_domain()
