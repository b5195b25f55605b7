# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Variants look different and stay solvable; the expert solves what it is to demonstrate."""

import numpy as np
import pytest

from irevla_control.errors import ConfigError
from irevla_sim.expert import ScriptedExpert
from irevla_sim.rendering import CAMERAS
from irevla_sim.rollout import collect_demonstrations
from irevla_sim.scene import Scene
from irevla_sim.tasks import load_catalogue

CATALOGUE = load_catalogue()
VARIANTS = [task.name for task in CATALOGUE.values() if task.split != 'expert']
MAIN = ['button-press', 'button-press-topdown', 'drawer-open', 'drawer-close', 'door-open',
        'door-unlock', 'window-open', 'window-close']


@pytest.mark.parametrize('name', MAIN + VARIANTS)
def test_the_noisy_expert_solves_the_task(env, name):
    episodes = list(collect_demonstrations([name], 3, seed=100, noise_std=0.3, env=env))
    assert sum(one.success for one in episodes) >= 2
    one = episodes[0]
    steps = len(one.actions)
    assert 0 < steps <= env.horizon and one.labels.shape == one.actions.shape == (steps, 7)
    assert one.states.shape == (steps, 10) and one.images['front'].shape == (steps, 48, 48, 3)
    assert np.abs(one.actions - one.labels).max() > 0.001


@pytest.mark.parametrize('name', VARIANTS)
def test_a_variant_changes_the_picture(env, name):
    base = CATALOGUE[name].base.removesuffix('-v3')
    plain = env.reset(seed=0, options={'task': base})[0]['front'].astype(int)
    changed = env.reset(seed=0, options={'task': name})[0]['front']
    assert (np.abs(changed - plain).max(axis=-1) > 30).sum() > 20


def test_a_position_range_moves_the_object(env):
    for name in ('drawer-open-new', 'drawer-open-unseen'):
        low, high = CATALOGUE[name].variant.position['x']
        found = [env.reset(seed=seed, options={'task': name})[1]['simulator_state'][4]
                 for seed in range(8)]
        assert low <= min(found) < max(found) <= high


def test_a_variant_that_names_an_unknown_part_is_refused(tmp_path):
    own = tmp_path / 'own.yaml'
    own.write_text('paint: {base: drawer-open, colours: {gold: [1, 1, 0, 1]}}\n'
                   'grow: {base: drawer-open, sizes: {knob: [2, 2, 2]}}\n'
                   'look: {base: drawer-open, cameras: {side: [0, 0, 1]}}\n')
    tasks = load_catalogue([own])
    for name, message in (('paint', "no material 'gold'"), ('grow', "no mesh or geom 'knob'"),
                          ('look', "unknown camera 'side'")):
        with pytest.raises(ConfigError, match=message):
            Scene(tasks[name], 32, 10)


def test_the_expert_answers_alike_for_a_seed_and_differs_between_seeds(env):
    state = env.reset(seed=0, options={'task': 'drawer-open'})[1]['simulator_state']
    task = CATALOGUE['drawer-open']
    command, label = ScriptedExpert(task, 0.3, seed=1).act(state)
    again, same_label = ScriptedExpert(task, 0.3, seed=1).act(state)
    other, _ = ScriptedExpert(task, 0.3, seed=2).act(state)
    np.testing.assert_array_equal(command, again)
    np.testing.assert_array_equal(label, same_label)
    assert not np.array_equal(command, other)
    np.testing.assert_array_equal(*ScriptedExpert(task, 0.0).act(state))


def test_no_picture_shows_the_goal():
    scene = Scene(CATALOGUE['drawer-open'], 48, 10)
    scene.reset(0)
    before = {name: scene.render(name) for name in CAMERAS}
    # The goal's site moves into plain view, and no picture changes.
    scene.data.site('goal').xpos[:] = [0.1, 0.6, 0.1]
    for name in CAMERAS:
        np.testing.assert_array_equal(scene.render(name), before[name])
        assert before[name].std() > 5
    scene.close()


def test_pictures_are_upright():
    scene = Scene(CATALOGUE['drawer-open'], 48, 10)
    scene.reset(0)
    # The hand is lifted: in an upright picture its bright fingers move up.
    scene.model.vis.headlight.ambient[:] = 1
    low = scene.render('front').astype(int)
    scene.data.geom('rightpad_geom').xpos[2] += 0.15
    high = scene.render('front').astype(int)
    rows = np.argwhere(np.abs(high - low).max(axis=-1) > 20)[:, 0]
    assert rows.min() < np.argwhere(low.min(axis=-1) > 200)[:, 0].mean()
    scene.close()
