# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The Python examples of the README and of docs/ run as they are printed."""

from pathlib import Path
import re

import numpy as np
import pytest
import torch

from irevla_control.bags.reader import read_episode

ROOT = Path(__file__).resolve().parents[3]


def examples(page):
    return re.findall(r'^```python\n(.*?)^```$', (ROOT / page).read_text(), re.M | re.S)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Run in a folder like the repository's, with one thread, as beside other tests."""
    for name in ('config', 'launch'):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path
    torch.set_num_threads(threads)


@pytest.mark.parametrize('page', ['README.md', 'docs/python.md'])
def test_the_policy_of_the_repository_acts(page, repository, capsys):
    values = {}
    exec(compile(examples(page)[0], page, 'exec'), values)
    assert values['action'].shape == (7,) and np.isfinite(values['action']).all()
    assert capsys.readouterr().out.startswith('[')


def test_an_episode_is_recorded_read_encoded_and_learned_from(repository, capsys):
    _, record, train, _ = examples('docs/python.md')
    values = {}
    exec(compile(record + train, 'docs/python.md', 'exec'), values)
    assert values['episode'].images['front'].shape == (12, 84, 84, 3)
    assert (repository / 'runs/python/bags/open-drawer_2/metadata.yaml').is_file()
    assert len(values['demonstrations']) == 3
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == 'open-drawer_0 12 True'
    assert printed[-1].startswith('1 ') and np.isfinite(float(printed[-1].split()[1]))


def test_arrays_of_another_program_become_bags(repository, capsys):
    steps, random = 5, np.random.default_rng(0)
    (repository / 'converted').mkdir()
    arrays = {
        'image_wrist': random.integers(0, 256, (steps, 32, 32, 3), np.uint8),
        'position': random.normal(size=(steps, 3)),
        'quaternion': np.tile([1.0, 0.0, 0.0, 0.0], (steps, 1)),
        'gripper': np.ones(steps),
        'translation': random.normal(size=(steps, 3)),
        'rotation': random.normal(size=(steps, 3)),
        'opening': np.zeros(steps),
    }
    np.savez(repository / 'converted/first.npz', **arrays)
    exec(compile(examples('docs/python.md')[3], 'docs/python.md', 'exec'), {})
    assert capsys.readouterr().out == 'runs/converted/first\n'
    episode = read_episode(repository / 'runs/converted/first', ['wrist'])
    np.testing.assert_array_equal(episode.images['wrist'], arrays['image_wrist'])
    np.testing.assert_array_equal(episode.actions[:, :3], arrays['translation'])
    np.testing.assert_allclose(episode.states[:, :3], arrays['position'])
