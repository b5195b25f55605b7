# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The configuration of Algorithm 1 is read once; a wrong value is refused with its line."""

from dataclasses import FrozenInstanceError, asdict, replace
import json
from pathlib import Path

import pytest
import yaml

from irevla_control.errors import ConfigError
from irevla_learner.algorithm1.config import load_config
from irevla_learner.ppo.config import PPOConfig
from irevla_learner.runs.layouts import PER_RUN
from irevla_policy.training.config import TrainConfig

CONFIG = Path(__file__).resolve().parents[4] / 'config'


@pytest.fixture
def file(tmp_path):
    """Return the shipped configuration with settings files beside it."""
    (tmp_path / 'sacfd.yaml').write_text('env_steps: 100\n')
    (tmp_path / 'training.yaml').write_text('steps: 7\n')
    text = (CONFIG / 'algorithm1.yaml').read_text()
    for shipped in ('learning/sacfd.yaml', 'training/stage2.yaml'):
        text = text.replace(shipped, {'l': 'sacfd.yaml', 't': 'training.yaml'}[shipped[0]])
    (tmp_path / 'algorithm1.yaml').write_text(text)
    return tmp_path / 'algorithm1.yaml'


def line_of(file, name):
    lines = file.read_text().splitlines()
    return 1 + next(number for number, line in enumerate(lines) if line.startswith(name))


def test_the_shipped_configuration_has_the_values_of_its_files():
    config = load_config(CONFIG / 'algorithm1.yaml')
    values = yaml.safe_load((CONFIG / 'algorithm1.yaml').read_text())
    assert asdict(config.tasks) == {
        group: tuple(names) for group, names in values['tasks'].items()
    }
    assert asdict(config.settings) == asdict(
        type(config.settings).load(CONFIG / values['settings'])
    )
    assert config.training == TrainConfig.load(CONFIG / values['training'])
    # No robot, no demonstrations of new tasks and no easier tasks by default.
    assert values.pop('robot') == {}
    assert values.pop('evaluations') == 'each'
    assert values.pop('demonstration_bags') == []
    assert values.pop('curriculum') == {}
    assert config.contents().keys() == values.keys()
    with pytest.raises(FrozenInstanceError):
        config.num_envs = 3


def test_the_configuration_is_read_once(file):
    config = load_config(file)
    before = config.contents()
    for path in file.parent.iterdir():
        path.unlink()
    assert config.contents() == before == json.loads(json.dumps(before))
    assert (config.settings.env_steps, config.training.steps) == (100, 7)
    assert str(file.parent) not in json.dumps(before), 'a run folder can be moved'


def test_settings_that_stage_2_leaves_out_are_those_of_stage_0(file):
    stage0 = TrainConfig(steps=50, precision='bf16', weight_decay=0.3, seed=4)
    assert load_config(file, stage0).training == replace(stage0, steps=7)
    assert load_config(file).training == TrainConfig(steps=7)


@pytest.mark.parametrize(
    'change, name, words',
    [
        ({'num_envs': 0}, 'num_envs', 'num_envs is 0; a whole number of 1 or more is needed'),
        (
            {'evaluation_seed': 7},
            'evaluation_seed',
            f'evaluation_seed is 7; a whole number of {PER_RUN} or more is needed',
        ),
        (
            {'new_share': 1.0},
            'new_share',
            'new_share is 1.0; a number from 0 to below 1 is needed',
        ),
        ({'labels': 'best'}, 'labels', "labels is 'best'; use improved or executed"),
        (
            {'environment': None},
            'environment',
            'environment is null and robot has 0 launch arguments; give either',
        ),
        (
            {'robot': {'fps': 10}},
            'environment',
            'environment is irevla_sim:MetaWorld-v0 and robot has 1 launch arguments; give either',
        ),
        (
            {'environment': None, 'robot': {'fps': 10}, 'tasks_file': 'training.yaml'},
            'tasks_file',
            'tasks of a robot are a parameter of the node robot_episode',
        ),
        ({'evaluations': 'none'}, 'evaluations', "evaluations is 'none'; use each or ends"),
        ({'settings': 'no.yaml'}, 'settings', 'no.yaml does not exist'),
        ({'classifier': 'no'}, 'classifier', '/no does not exist'),
        ({'stage1_trains': 'all'}, 'stage1_trains', 'SACfD works on cached latents'),
        (
            {'episodes': {'expert': 1, 'rl': 0, 'held_out': 1}},
            '  rl',
            'episodes.rl is 0; a whole number of 1 or more is needed',
        ),
        (
            {'tasks': {'expert': ['a b'], 'rl': [], 'held_out': []}},
            '  expert',
            "tasks.expert: task name 'a b' cannot name a recording; use",
        ),
        (
            {'tasks': {'expert': ['a'], 'rl': ['a'], 'held_out': []}},
            '  rl',
            'tasks.rl has task a, named twice: also in expert',
        ),
        (
            {'tasks': {'expert': [], 'rl': None, 'held_out': []}},
            '  rl',
            'tasks.rl is None; a list of names is needed',
        ),
        (
            {'tasks': {'expert': []}},
            'tasks',
            'tasks needs rl (a list of names), held_out (a list of',
        ),
        (
            {'curriculum': {'lift': {'near': 2}}},
            'curriculum',
            'curriculum has lift, which is not learned; use one of door-open-new',
        ),
        (
            {'curriculum': {'door-open-new': {'near': 0}}},
            'curriculum',
            'curriculum of door-open-new has near: 0; give the number of successes',
        ),
        (
            {'curriculum': {'door-open-new': {'door-open-new': 2}}},
            'curriculum',
            'curriculum has door-open-new, the task that is learned; name easier tasks only',
        ),
        (
            {'curriculum': {'door-open-new': {'no way': 2}}},
            'curriculum',
            "curriculum of door-open-new: task name 'no way' cannot name a recording",
        ),
        ({'colour': 1}, 'colour', 'unknown key colour; known are'),
    ],
)
def test_a_wrong_value_is_refused_with_its_line(file, change, name, words):
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | change))
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    if name.startswith(' '):
        # The next line with that name below its section.
        lines, section = file.read_text().splitlines(), line_of(file, next(iter(change)))
        line = (
            section
            + 1
            + next(number for number, text in enumerate(lines[section:]) if text.startswith(name))
        )
    else:
        line = line_of(file, name)
    assert str(caught.value).startswith(f'configuration {file}:{line}: ')
    assert words in str(caught.value)


def test_a_wrong_setting_of_a_stage_is_refused_in_its_own_file(file):
    (file.parent / 'training.yaml').write_text('steps: 7\nprecision: fp8\n')
    with pytest.raises(ConfigError, match=r'^training settings .*training\.yaml:2: precision is'):
        load_config(file)


def test_settings_of_another_algorithm_are_refused(file):
    with pytest.raises(ConfigError, match='settings are PPO settings; algorithm sacfd needs SAC'):
        replace(load_config(file), settings=PPOConfig())


def test_a_classifier_is_refused_if_stage_2_would_change_its_vlm(file):
    (file.parent / 'judge').mkdir()
    values = yaml.safe_load(file.read_text()) | {'classifier': 'judge'}
    file.write_text(yaml.safe_dump(values))
    assert load_config(file).classifier == file.parent / 'judge'
    values['tasks']['rl'] = ['door-open-new', 'window-open-new']
    file.write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match='latents of one VLM'):
        load_config(file)


def test_a_curriculum_in_another_order_is_another_one(file):
    config = load_config(file)
    orders = [{'near': 2, 'half': 3}, {'half': 3, 'near': 2}]
    contents = [replace(config, curriculum={'door-open-new': one}).contents() for one in orders]
    # As a run folder compares it.
    near_first, half_first = (json.loads(json.dumps(one)) for one in contents)
    assert near_first != half_first
    assert 'curriculum' not in config.contents()


def test_what_is_shown_of_a_robot_s_run_is_not_its_configuration(file):
    values = yaml.safe_load(file.read_text()) | {'environment': None}
    contents, lab = [], file.parent / 'lab.yaml'
    file.write_text(yaml.safe_dump(values | {'robot': {'params_file': 'lab.yaml'}}))
    with pytest.raises(ConfigError, match='lab.yaml does not exist'):
        load_config(file)
    lab.write_text('/**/franka: {ros__parameters: {rate_hz: 50.0}}')
    for shown in ({}, {'view': True, 'view_port': 8090, 'log_level': 'warn'}):
        robot = {'fps': 10, 'params_file': 'lab.yaml', **shown}
        file.write_text(yaml.safe_dump(values | {'robot': robot}))
        config = load_config(file)
        assert config.robot['params_file'] == str(lab)
        contents.append(config.contents())
    assert contents[0] == contents[1]
    assert contents[0]['robot'] == {'fps': 10, 'params_file': lab.read_text()}
