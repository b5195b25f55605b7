# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The file of encoded demonstrations: whole or refused, mapped, and what it becomes."""

from dataclasses import replace
from pathlib import Path
import resource
import subprocess
import sys
from types import SimpleNamespace
import warnings

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
import torch

from irevla_control.checks.durability import durable_replaces
from irevla_control.errors import ConfigError
from irevla_learner.replay.encoded_demonstrations import load_demonstrations, save_demonstrations
from irevla_learner.replay.encoded_episode import EncodedEpisode
from irevla_learner.replay.latent_replay import LatentReplay

STATES, ACTIONS, WIDTH = 3, 2, 5


def policy(backbone='a', statistics='b'):
    return SimpleNamespace(
        backbone_hash=backbone * 64, statistics=SimpleNamespace(digest=lambda: statistics * 64)
    )


def encoded(number=0, steps=4, tokens=3, *, final=True, success=True, terminated=True):
    random = np.random.default_rng(number)
    rows = steps + final
    return EncodedEpisode(
        episode_id=f'open_{number}',
        task='open',
        instruction='öffne »it«',
        success=success,
        terminated=terminated,
        latents=random.standard_normal((rows, tokens, WIDTH)).astype(np.float16),
        proprioception=random.standard_normal((rows, STATES)).astype(np.float32),
        actions=random.uniform(-1.4, 1.4, (steps, ACTIONS)).astype(np.float32),
        labels=random.uniform(-1, 1, (steps, ACTIONS)).astype(np.float32),
        stamps=np.arange(steps) + 10**18,
    )


def save(path, *episodes, of=None):
    return save_demonstrations(path, episodes, of or policy(), ['bags'], {'n': 1}, {'x': 'failed'})


def test_everything_survives_whatever_the_lengths(tmp_path):
    path = tmp_path / 'new' / 'file'
    path.parent.mkdir()
    # Odd sizes, so that only the order of the arrays keeps each at a multiple of its numbers'.
    episodes = [encoded(0), encoded(1, steps=1, tokens=7, final=False, terminated=False)]
    with durable_replaces(path):
        saved = save(path, *episodes)
    found = load_demonstrations(path, policy())
    assert [path] == list(path.parent.iterdir())
    for loaded in (saved, found):
        assert (loaded.path, loaded.sources, loaded.identity, loaded.left_out) == (
            path,
            ('bags',),
            {'n': 1},
            {'x': 'failed'},
        )
        assert (loaded.frames, loaded.tokens, loaded.width) == (5, 7, WIDTH)
        for one, other in zip(loaded, episodes, strict=True):
            for name, value in vars(other).items():
                np.testing.assert_array_equal(getattr(one, name), value)
                if isinstance(value, np.ndarray):
                    assert getattr(one, name).dtype == value.dtype
    with safe_open(path, 'np') as file:
        assert file.metadata()['backbone_hash'] == f'"{"a" * 64}"'


def test_arrays_are_mapped_and_outlive_the_file(tmp_path):
    path = tmp_path / 'file'
    found = save(path, encoded())
    save(path, encoded(9))
    path.unlink()
    np.testing.assert_array_equal(found[0].latents, encoded().latents)
    with warnings.catch_warnings():
        # Torch warns of arrays that are read-only.
        warnings.simplefilter('error')
        torch.from_numpy(found[0].latents)


LARGE = """
import resource, sys
from pathlib import Path
import numpy as np
from test_encoded_demonstrations import encoded, policy
from dataclasses import replace
from irevla_learner.replay.encoded_demonstrations import save_demonstrations

def anonymous():
    lines = open('/proc/self/status').read().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith('RssAnon'))

most = 0
def episodes(count):
    global most
    for number in range(count):
        most = max(most, anonymous())
        yield replace(encoded(steps=15), latents=np.ones((16, 88, 2560), np.float16))

assert 'transformers' not in sys.modules
before = anonymous()
found = save_demonstrations(Path(sys.argv[1]), episodes(20), policy(), [], None)
assert sum(float(each.latents[:, 0, 0].sum()) for each in found) == 320
print(max(most, anonymous()) - before, sum(each.latents.nbytes for each in found) / 2**20)
"""


def test_memory_holds_one_episode_at_a_time_and_no_vlm(tmp_path):
    done = subprocess.run(
        [sys.executable, '-c', LARGE, tmp_path / 'file'],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    grown, total = map(float, done.stdout.split())
    assert total > 130 and grown < 0.25 * total


def test_another_backbone_or_other_statistics_are_refused_with_both_hashes(tmp_path):
    path = tmp_path / 'file'
    save(path, encoded())
    for other, words in (
        (policy(backbone='c'), 'latents of backbone aaaaaaaaaaaa, this policy has cccccccccccc'),
        (
            policy(statistics='d'),
            'values normalised by statistics bbbbbbbbbbbb, this policy has dddddddddddd',
        ),
    ):
        with pytest.raises(ConfigError) as error:
            load_demonstrations(path, other)
        assert str(error.value) == (
            f'{path} contains {words}; encode with that policy: '
            'python -m irevla_learner.encode --help'
        )


@pytest.mark.parametrize('size', [0, 5, 200, -1])
def test_a_truncated_file_is_refused(tmp_path, size):
    path = tmp_path / 'file'
    save(path, encoded())
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ConfigError, match=f'{path} is truncated or not a safetensors') as error:
        load_demonstrations(path, policy())
    assert '\n' not in str(error.value)


def rewrite(path, change):
    """Write what a file holds again, with another meaning."""
    with safe_open(path, 'np') as file:
        metadata, tensors = (
            file.metadata(),
            {name: file.get_tensor(name) for name in file.keys()},  # noqa: SIM118
        )
    change(metadata, tensors)
    save_file(tensors, path, metadata)


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda about, _: about.clear(), 'contains no encoded demonstrations'),
        (lambda about, _: about.update(format='pt'), 'contains no encoded demonstrations'),
        (lambda about, _: about.pop('episodes'), 'contains no encoded demonstrations'),
        (
            lambda about, _: about.update(version='2'),
            'has format version 2, this program reads 1',
        ),
        (lambda _, tensors: tensors.pop('0/labels'), 'lacks a part of episode 0'),
        (
            lambda _, tensors: tensors.update({'0/labels': tensors['0/labels'][1:]}),
            'open_0 of 4 actions with 5 latents, 5 states, 3 labels and 4 stamps',
        ),
    ],
)
def test_a_foreign_file_is_refused(tmp_path, change, words):
    path = tmp_path / 'file'
    save(path, encoded())
    rewrite(path, change)
    with pytest.raises(ConfigError, match=words):
        load_demonstrations(path, policy())


def test_no_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(ConfigError, match='nowhere does not exist; encode'):
        load_demonstrations(tmp_path / 'nowhere', policy())
    with pytest.raises(ConfigError, match='not a safetensors file'):
        load_demonstrations(tmp_path, policy())


def test_what_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / 'file'
    save(path, encoded())
    content = path.read_bytes()

    def broken():
        yield encoded(1)
        raise ConfigError('the bag is damaged')

    with pytest.raises(ConfigError, match='the bag is damaged'):
        save_demonstrations(path, broken(), policy(), [], None)
    with pytest.raises(ConfigError, match='no demonstrations for .*because 1 failed'):
        save(path)
    assert path.read_bytes() == content and [path] == list(tmp_path.iterdir())


def test_a_full_disk_is_one_line(tmp_path):
    path = tmp_path / 'file'
    save(path, encoded())
    content = path.read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
        with pytest.raises(ConfigError, match=f'{path} cannot be written: File too large; free'):
            save(path, *(encoded(number, steps=100) for number in range(50)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_bytes() == content and [path] == list(tmp_path.iterdir())
    with pytest.raises(ConfigError, match='cannot be written: File exists'):
        save(path / 'below', encoded())


@pytest.mark.parametrize(
    ('success', 'terminated', 'final'),
    [(True, True, True), (True, True, False), (True, False, True), (False, False, True)],
)
def test_a_replay_takes_it_as_a_demonstration(tmp_path, success, terminated, final):
    source = encoded(steps=4, final=final, success=success, terminated=terminated)
    (stored,) = save(tmp_path / 'file', source)
    episode = stored.to_latent_episode()
    assert episode.rewards.tolist() == [0, 0, 0, float(success)]
    assert (episode.success, episode.terminated) == (success, terminated)
    assert episode.human.all() and not episode.versions.any()
    assert np.shares_memory(episode.latents, stored.latents)
    np.testing.assert_array_equal(episode.actions, source.actions)
    replay = LatentReplay(
        tmp_path / 'replay',
        backbone_hash='a',
        tokens=4,
        width=WIDTH,
        state_size=STATES,
        action_size=ACTIONS,
        capacity=20,
    )
    rows = replay.add(episode)
    np.testing.assert_array_equal(replay.latents[rows][:, :3], source.latents)
    usable = replay.usable(2, demonstrations=True)
    assert usable.tolist() == [0, 1, 2, 3] and not len(replay.usable(2, demonstrations=False))
    drawn = replay.transitions(usable, 2, 0.5)
    assert drawn.rewards.tolist() == [0, 0, 0.5 * success, float(success)]
    assert (drawn.discounts == 0).tolist() == [False, False, terminated, terminated]


@pytest.mark.parametrize('final', [True, False])
def test_what_is_cloned_are_the_clean_labels(tmp_path, final):
    (stored,) = save(tmp_path / 'file', encoded(final=final))
    latents, proprioception, labels = stored.cloning_arrays()
    assert len(latents) == len(proprioception) == len(labels) == 4
    np.testing.assert_array_equal(latents, encoded(final=final).latents[:4])
    np.testing.assert_array_equal(proprioception, encoded(final=final).proprioception[:4])
    np.testing.assert_array_equal(labels, encoded(final=final).labels)
    assert np.shares_memory(latents, stored.latents)


def test_arrays_of_other_lengths_are_refused():
    episode = encoded()
    for name in ('latents', 'proprioception', 'actions', 'labels', 'stamps'):
        with pytest.raises(ConfigError, match='demonstration open_0 of .*; encode it again'):
            replace(episode, **{name: getattr(episode, name)[:2]})
