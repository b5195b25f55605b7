# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Variants look different and stay solvable; the expert solves the tasks that it demonstrates."""

import numpy as np
import pytest

from irevla_control.errors import ConfigError
from irevla_sim.metaworld.expert import ScriptedExpert
from irevla_sim.metaworld.rendering import CAMERAS
from irevla_sim.metaworld.scene import Scene
from irevla_sim.metaworld.tasks import load_catalogue
from irevla_sim.simulator.rollout import collect_demonstrations
from irevla_sim.simulator.simulator_env import SimulatorEnv

CATALOGUE = load_catalogue()
VARIANTS = [task.name for task in CATALOGUE.values() if task.split != 'expert']
MAIN = [
    'button-press',
    'button-press-topdown',
    'drawer-open',
    'drawer-close',
    'door-open',
    'door-unlock',
    'window-open',
    'window-close',
]


@pytest.mark.parametrize('name', MAIN + VARIANTS)
def test_the_noisy_expert_solves_the_task(blind_env, name):
    episodes = list(collect_demonstrations([name], 3, seed=100, noise_std=0.3, env=blind_env))
    assert sum(one.success for one in episodes) >= 2


def test_labels_of_button_press_change_smoothly_with_the_state(blind_env):
    """A label that jumps between states which look the same cannot be learned from images."""
    _, info = blind_env.reset(seed=0, options={'task': 'button-press'})
    expert = ScriptedExpert(CATALOGUE['button-press'], noise_std=0.0)
    state = info['simulator_state']
    labels = []
    for beside in np.arange(0, 0.1, 0.001):
        state[:3] = state[4:7] + np.array([beside, -0.1, -0.07])
        labels.append(expert.act(state)[1][:3])
    assert np.abs(np.diff(labels, axis=0)).max() < 0.1 * np.abs(labels).max()


def test_a_demonstration_has_an_entry_per_command(env):
    (one,) = collect_demonstrations(['drawer-close'], 1, seed=0, env=env)
    steps = len(one.actions)
    assert 0 < steps <= env.horizon and one.labels.shape == one.actions.shape == (steps, 7)
    assert one.states.shape == (steps, 10)
    assert {name: images.shape for name, images in one.images.items()} == {
        'front': (steps, 48, 48, 3),
        'wrist': (steps, 48, 48, 3),
    }
    assert (one.task, one.instruction, one.success) == ('drawer-close', 'close the drawer', True)
    assert np.abs(one.actions - one.labels).max() > 0.001
    assert not np.array_equal(one.images['front'][0], one.images['front'][-1])


def test_failed_demonstrations_can_be_left_out():
    hopeless = SimulatorEnv('metaworld', cameras=(), horizon=2)
    assert [one.success for one in collect_demonstrations(['reach'], 2, env=hopeless)] == [
        False,
        False,
    ]
    assert not list(collect_demonstrations(['reach'], 2, env=hopeless, only_successes=True))


@pytest.mark.parametrize('name', VARIANTS)
def test_a_variant_changes_the_picture(env, name):
    base = CATALOGUE[name].base.removesuffix('-v3')
    plain = env.reset(seed=0, options={'task': base})[0]['front'].astype(int)
    changed = env.reset(seed=0, options={'task': name})[0]['front']
    assert (np.abs(changed - plain).max(axis=-1) > 30).sum() > 20


def test_a_position_range_moves_the_object(env):
    for name in ('drawer-open-new', 'drawer-open-unseen'):
        low, high = CATALOGUE[name].variant.position['x']
        found = [
            env.reset(seed=seed, options={'task': name})[1]['simulator_state'][4]
            for seed in range(8)
        ]
        assert low <= min(found) < max(found) <= high


def test_a_variant_that_names_an_unknown_part_is_refused(tmp_path):
    own = tmp_path / 'own.yaml'
    own.write_text(
        'paint: {base: drawer-open, colours: {gold: [1, 1, 0, 1]}}\n'
        'grow: {base: drawer-open, sizes: {knob: [2, 2, 2]}}\n'
        'look: {base: drawer-open, cameras: {side: [0, 0, 1]}}\n'
    )
    tasks = load_catalogue([own])
    for name, message in (
        ('paint', "no material 'gold'"),
        ('grow', "no mesh or geom 'knob'"),
        ('look', "unknown camera 'side'"),
    ):
        with pytest.raises(ConfigError, match=message):
            Scene(tasks[name], 32)


def test_the_expert_is_reproducible_for_a_seed_and_differs_between_seeds(env):
    state = env.reset(seed=0, options={'task': 'drawer-open'})[1]['simulator_state']
    task = CATALOGUE['drawer-open']
    command, label = ScriptedExpert(task, 0.3, seed=1).act(state)
    again, same_label = ScriptedExpert(task, 0.3, seed=1).act(state)
    other, _ = ScriptedExpert(task, 0.3, seed=2).act(state)
    np.testing.assert_array_equal(command, again)
    np.testing.assert_array_equal(label, same_label)
    assert not np.array_equal(command, other)
    np.testing.assert_array_equal(*ScriptedExpert(task, 0.0).act(state))


def test_no_image_shows_the_goal():
    scene = Scene(CATALOGUE['drawer-open'], 48)
    scene.reset(0)
    before = {name: scene.render(name) for name in CAMERAS}
    # The goal's site moves into view, and no image changes.
    scene.data.site('goal').xpos[:] = [0.1, 0.6, 0.1]
    for name in CAMERAS:
        np.testing.assert_array_equal(scene.render(name), before[name])
        assert before[name].std() > 5
    scene.close()


def test_images_are_upright():
    scene = Scene(CATALOGUE['drawer-open'], 96)
    scene.reset(0)
    # A ball at the marker of a finger shows which side of the image is up.
    site = scene.data.site('rightEndEffector').id
    scene.model.site_size[site] = 0.04
    for name in (name for name, camera in CAMERAS.items() if camera.upside_down):
        scene.data.site_xpos[site] = [0, 0, -1]
        plain = scene.render(name).astype(int)
        rows = []
        for height in (0.1, 0.3):
            scene.data.site_xpos[site] = [0.2, 0.7, height]
            changed = np.abs(scene.render(name) - plain).max(axis=-1) > 30
            rows.append(np.argwhere(changed)[:, 0].mean())
        assert rows[1] < rows[0] - 2, name
    scene.close()
