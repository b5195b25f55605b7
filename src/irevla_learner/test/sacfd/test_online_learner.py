# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1 as episodes come in: owes updates for them, ends as asked, goes on from its folder."""

from dataclasses import replace
import math

import numpy as np
import pytest
from reach import Reach, acting, beside_the_goal, latent_policy
import torch

from irevla_control.errors import ConfigError
from irevla_learner.sacfd import online_learner
from irevla_learner.sacfd.config import SACfDConfig
from irevla_learner.sacfd.online_learner import COMPONENTS, PROGRESS, WEIGHTS, OnlineLearner
from irevla_policy.exploration import SmoothNoise

CONFIG = SACfDConfig(
    min_demonstrations=3,
    most_zero_shot_episodes=30,
    warm_up_updates=6,
    env_steps=80,
    success_window=4,
    window_success=1.0,
    batch_size=16,
    capacity=2000,
    pca_components=4,
    hidden=(16,),
)


def episodes(count, seed=0):
    head, world = beside_the_goal(), Reach(seed)
    noise = SmoothNoise(2, 0.7, 0.1, 0.3, seed)
    return [world.play(acting(head), noise)[0] for _ in range(count)]


def learner(folder, **changes):
    return OnlineLearner(latent_policy(), replace(CONFIG, **changes), folder, seed=0)


def test_owes_the_warm_up_and_then_updates_for_every_decision(tmp_path):
    one, played = learner(tmp_path), iter(episodes(60))
    while not one.learning:
        assert one.pending_updates == one.version == 0
        one.add(next(played))
    assert one.progress().successes == 3
    assert one.pending_updates == 6
    assert one.run_updates(100) == 6
    assert one.version == 0, 'the critics alone'
    episode = next(played)
    one.add(episode)
    assert one.pending_updates == 2 * len(episode.actions)
    assert one.run_updates(5) == 5
    assert one.version == 5


def test_easier_episodes_give_demonstrations_and_do_not_end_the_stage(tmp_path):
    one, played = learner(tmp_path), iter(episodes(60))
    while one.easier_successes < 5:
        one.add(replace(next(played), easier=True))
    assert one.learning and not one.done
    assert math.isnan(one.progress().window_success)
    one.save()
    assert learner(tmp_path).easier_successes == 5
    while not one.done:
        one.add(replace(next(played), success=True))
    assert one.progress().window_success == 1


def test_what_a_person_rescued_does_not_end_the_stage(tmp_path):
    one, played = learner(tmp_path), iter(episodes(60))
    while not one.learning:
        one.add(next(played))
    for episode in (next(played) for _ in range(4)):
        human = np.arange(len(episode.actions)) == len(episode.actions) - 1
        one.add(replace(episode, success=True, human=human))
    assert one.progress().window_success == 0 and not one.done
    for episode in (next(played) for _ in range(4)):
        one.add(replace(episode, success=True))
    assert one.progress().window_success == 1 and one.done


def test_ends_after_its_environment_steps(tmp_path):
    one, played = learner(tmp_path, success_window=50), iter(episodes(60))
    while not one.done:
        one.add(next(played))
        one.run_updates(one.pending_updates)
    learned = one.version / CONFIG.updates_per_decision
    assert 80 <= learned < 80 + 12, 'all steps but those of the zero-shot episodes'


def test_goes_on_where_it_was_saved(tmp_path):
    one, played = learner(tmp_path), episodes(60)
    for episode in played[:20]:
        one.add(episode)
        one.run_updates(7)
    one.save()
    again = learner(tmp_path)
    first, second = one.progress(), again.progress()
    for name in ('env_steps', 'episodes', 'successes', 'updates', 'window_success'):
        assert getattr(first, name) == getattr(second, name), name
    assert again.pending_updates == one.pending_updates
    heads = [beside_the_goal(), beside_the_goal()]
    one.copy_to(heads[0])
    again.copy_to(heads[1])
    for name, weight in heads[0].state_dict().items():
        assert torch.equal(weight, heads[1].state_dict()[name]), name
    again.add(played[20])
    again.run_updates(again.pending_updates)
    assert again.version > one.version


def test_a_killed_learner_keeps_its_episodes_and_repeats_the_updates_since_the_last_save(tmp_path):
    one, played = learner(tmp_path), iter(episodes(60))
    while not one.learning:
        one.add(next(played))
    one.run_updates(10)
    one.commit_episode()
    weights, version = (tmp_path / WEIGHTS).read_bytes(), one.version
    for _ in range(3):
        one.add(next(played))
        one.run_updates(one.pending_updates)
        one.commit_episode()
    assert (tmp_path / WEIGHTS).read_bytes() == weights, 'younger than the period of saving'
    assert (tmp_path / PROGRESS).stat().st_size < 5000
    again = learner(tmp_path)
    assert again.progress().env_steps == one.progress().env_steps
    assert again.version == version
    assert again.pending_updates == one.version - version
    assert again.run_updates(1000) == again.version - version
    assert again.version == one.version


def test_a_kill_between_the_first_weights_and_the_progress_keeps_the_zero_shot_steps(
    tmp_path, monkeypatch
):
    one, played = learner(tmp_path), iter(episodes(60))
    while not one.learning:
        one.add(next(played))
        if not one.learning:
            one.commit_episode()
    monkeypatch.setattr(one, '_save_progress', lambda: None)
    one.commit_episode()
    again = learner(tmp_path)
    assert again.learning and again.pending_updates == one.pending_updates == 6
    assert again._trained_steps == 0


def test_weights_without_their_components_are_refused(tmp_path):
    one, played = learner(tmp_path), iter(episodes(60))
    while not one.learning:
        one.add(next(played))
    one.save()
    (tmp_path / COMPONENTS).unlink()
    with pytest.raises(ConfigError, match=r'components.safetensors is missing'):
        learner(tmp_path)


def test_a_full_disk_is_an_error_of_one_line(tmp_path, monkeypatch):
    one, played = learner(tmp_path), iter(episodes(60))
    one.add(next(played))

    def full(path, content):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('irevla_policy.checkpoints.state_file.write_synced', full)
    with pytest.raises(ConfigError, match=r'progress.safetensors cannot be written: No space'):
        one.commit_episode()


def test_the_weights_are_saved_when_they_are_old(tmp_path, monkeypatch):
    one, played = learner(tmp_path), iter(episodes(60))
    while not one.learning:
        one.add(next(played))
    one.commit_episode()
    weights = (tmp_path / WEIGHTS).read_bytes()
    monkeypatch.setattr(online_learner, 'SAVE_PERIOD_S', 0.0)
    one.add(next(played))
    one.run_updates(20)
    one.commit_episode()
    assert (tmp_path / WEIGHTS).read_bytes() != weights
    assert learner(tmp_path).version == one.version


@pytest.mark.parametrize('file', [PROGRESS, WEIGHTS])
def test_another_learning_or_a_damaged_one_is_refused(tmp_path, file):
    one = learner(tmp_path)
    played = iter(episodes(60))
    while not one.learning:
        one.add(next(played))
    one.save()
    with pytest.raises(ConfigError, match='config was'):
        learner(tmp_path, batch_size=32)
    (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:50])
    with pytest.raises(ConfigError, match='is damaged'):
        learner(tmp_path)


def test_without_any_success_it_says_what_to_do(tmp_path):
    failed = [episode for episode in episodes(40) if not episode.success][:5]
    one = learner(tmp_path, most_zero_shot_episodes=5)
    with pytest.raises(ConfigError, match='demonstration_bags'):
        for episode in failed:
            one.add(episode)


def test_a_replay_that_would_drop_its_demonstrations_is_refused_before_learning(tmp_path):
    one, played = learner(tmp_path, capacity=85), iter(episodes(60))
    with pytest.raises(ConfigError, match='capacity is 85, but stage 1 will have about'):
        while not one.learning:
            one.add(next(played))
