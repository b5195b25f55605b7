# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The kitchen's scripted experts succeed, and their labels can be learned from images."""

import json

import numpy as np
import pytest

from irevla_control.errors import ConfigError
from irevla_sim.kitchen import threshold_sheet
from irevla_sim.kitchen.arm import METRES_PER_STEP
from irevla_sim.kitchen.expert import ScriptedExpert
from irevla_sim.kitchen.expert_success import main, measure
from irevla_sim.kitchen.scene import ACTION_REPEAT, Scene
from irevla_sim.kitchen.tasks import load_catalogue
from irevla_sim.simulator.simulator_env import SimulatorEnv

CATALOGUE = load_catalogue()
REACH = METRES_PER_STEP * ACTION_REPEAT
EXPERTS = [task.name for task in CATALOGUE.values() if task.split == 'expert']


@pytest.mark.parametrize('name', EXPERTS)
def test_the_noisy_expert_opens_what_it_demonstrates(name):
    result = measure(SimulatorEnv('kitchen', cameras=()), name, 2, 0.3)
    assert result['successes'] == 2


@pytest.mark.parametrize('name', ['knob-on', 'left-door-open'])
def test_labels_are_continuous_without_memory_and_within_reach(name):
    """A small change of the state changes a label a little, and calls before have no effect."""
    expert = ScriptedExpert(CATALOGUE[name], noise_std=0.0)
    scene = Scene(CATALOGUE[name], 48)
    state = scene.reset(0)
    random = np.random.default_rng(0)
    for _ in range(50):
        label = expert.act(state)[1]
        assert (np.abs(label[:3]) <= REACH + 1e-12).all() and 0 <= label[6] <= 1
        np.testing.assert_array_equal(ScriptedExpert(CATALOGUE[name]).act(state)[1], label)
        near = state.copy()
        near[:3] += random.normal(size=3) * 1e-4
        change = expert.act(near)[1] - label
        assert np.abs(change[:3]).max() < 0.05 * REACH and abs(change[6]) < 0.1
        state, success = scene.execute(label)
        if success:
            break
    assert success


def test_noise_is_on_the_command_alone():
    scene = Scene(CATALOGUE['light-on'], 48)
    state = scene.reset(0)
    expert = ScriptedExpert(CATALOGUE['light-on'], noise_std=0.3, seed=5)
    commands, labels = zip(*(expert.act(state) for _ in range(300)), strict=True)
    assert (np.array(labels) == labels[0]).all()
    commands = np.array(commands)
    assert (np.abs(commands[:, :3]) <= REACH + 1e-12).all()
    # Roll and pitch stay those of the start.
    assert not commands[:, 3:5].any()
    assert commands[:, 6].min() >= 0 and commands[:, 6].max() <= 1
    again = ScriptedExpert(CATALOGUE['light-on'], noise_std=0.3, seed=5)
    np.testing.assert_array_equal(again.act(state)[0], commands[0])


def test_a_task_without_an_expert_is_refused(tmp_path):
    file = tmp_path / 'own.yaml'
    file.write_text(
        'right: {instruction: open it, joint: right_hinge_cabinet, opened: 1.4, '
        'handle: {body: hingerightdoor, point: [0, 0, 0]}}\n'
    )
    with pytest.raises(ConfigError, match="right: its base 'right' has no scripted expert"):
        ScriptedExpert(load_catalogue([file])['right'])


def test_the_program_measures_a_task_of_a_file(tmp_path, capsys):
    file, output = tmp_path / 'own.yaml', tmp_path / 'results' / 'experts.json'
    file.write_text('own-light: {base: light-on, stay: 1, horizon: 60}\n')
    main(f'--tasks own-light --layouts 1 --tasks-file {file} --output {output}'.split())
    result = json.loads(output.read_text())['tasks']['own-light']
    assert result['successes'] == 1 and result['horizon'] == 60
    assert 'own-light' in capsys.readouterr().out


def test_the_programs_end_with_one_line_of_a_mistake(tmp_path):
    file = tmp_path / 'file'
    file.write_text('')
    with pytest.raises(SystemExit, match=r"^error: unknown task 'light-of'; did you mean .*$"):
        main(['--tasks', 'light-of'])
    for program in (main, threshold_sheet.main):
        # Before anything is measured or drawn.
        with pytest.raises(SystemExit, match='^error: .*exists'):
            program(['--output', str(file / 'sheet.png')])
