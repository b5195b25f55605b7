# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What `make bench` measures the learner beside: pinned, apart, and started with clear errors."""

from pathlib import Path
import re
import sys

import pytest

ROOT = Path(__file__).resolve().parents[4]
SIZES = dict(features=5, actions=2, hidden=[8, 8], critics=2, batch=4, rows=8, burst=2)


@pytest.fixture
def learning(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'benchmarks'))
    import learning

    return learning


def test_a_peer_runs_bursts_in_a_process_of_its_own(learning, monkeypatch):
    # The environment of `make bench` is not there; stable-baselines3 is in the suite's too.
    monkeypatch.setattr(learning, 'PEERS', Path(sys.executable))
    peer = learning.Peer('sb3', SIZES)
    with peer.process:
        assert peer() > 0
        assert peer() > 0
    assert peer.process.returncode == 0


def test_a_peer_that_ends_or_is_not_installed_is_named(learning, monkeypatch, tmp_path):
    monkeypatch.setattr(learning, 'PEERS', tmp_path / 'python')
    with pytest.raises(SystemExit, match='run `python setup/side_environment.py peers`'):
        learning.Peer('sbx', SIZES)
    monkeypatch.setattr(learning, 'PEERS', Path('/bin/true'))
    peer = learning.Peer('sbx', SIZES)
    peer.process.wait()
    with (
        peer.process,
        pytest.raises(SystemExit, match=r'/bin/true .*sac_updates\.py sbx .* ended'),
    ):
        peer()


def test_versions_are_in_the_lock_file_and_torch_is_that_of_the_suite(learning):
    lock = (ROOT / 'setup/peers.lock').read_text()
    wanted = (ROOT / 'setup/peers.in').read_text()
    for name in re.findall(r'^[a-z].*==.*', wanted, re.M):
        assert re.search(rf'^{re.escape(name)} ', lock, re.M), name
    assert not re.search('^torch==|^nvidia|^triton', lock, re.M)
    # stable-baselines3 is the same in both environments.
    version = re.search(r'^stable-baselines3==\S+', lock, re.M)[0]
    assert version in (ROOT / 'setup/requirements.lock').read_text()
