# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A simulator is found by name, module or environment; a task has its own lengths."""

import gymnasium
import numpy as np
import pytest

from irevla_control.errors import ConfigError
from irevla_sim.simulator.simulator import SHIPPED, find_simulator, module_of, simulator_of
from irevla_sim.simulator.simulator_env import SimulatorEnv
from irevla_sim.simulator.tasks import EntryForm, read_catalogue


@pytest.mark.parametrize('name', SHIPPED)
def test_a_shipped_simulator_is_complete(name):
    simulator = find_simulator(name)
    assert simulator.name == name and {'front', 'wrist'} <= set(simulator.cameras)
    tasks = simulator.load_catalogue(())
    assert {task.split for task in tasks.values()} == {'expert', 'rl', 'held_out'}
    environment = f'irevla_sim:{"MetaWorld" if name == "metaworld" else name.capitalize()}-v0'
    assert simulator_of(environment) == name


def test_a_simulator_of_one_s_own_is_found_by_its_module_and_its_environment(toy):
    assert find_simulator('toy').name == 'toy'
    assert simulator_of('toy:Toy-v0') == 'toy'


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('metawrld', '', "unknown simulator 'metawrld'.*metaworld.*SIMULATOR"),
        ('', '', "unknown simulator ''"),
        ('absent.simulator', '', "unknown simulator 'absent.simulator'"),
        ('json', '', "'json': module json has no SIMULATOR"),
        ('half', 'SIMULATOR = 5', "'half': module half has no SIMULATOR of type"),
        (
            'broken',
            'import absent_library',
            "'broken': module broken fails on import.*absent_library",
        ),
        ('wrong', 'def', "'wrong'.*SyntaxError.*wrong.py, line 1"),
        ('json.absent.simulator', '', "unknown simulator 'json.absent.simulator'"),
        ('json.decoder.simulator', '', "unknown simulator 'json.decoder.simulator'"),
    ],
)
def test_a_simulator_that_cannot_be_used_is_named(tmp_path, monkeypatch, name, text, message):
    if text:
        (tmp_path / f'{name}.py').write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=message) as error:
        find_simulator(name)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('import absent_library', "ModuleNotFoundError: .*'absent_library'"),
        ('import lab.absent', "ModuleNotFoundError: .*'lab.absent'"),
        ('from json import absent', 'ImportError: .*absent'),
        ('absent', "NameError: name 'absent'"),
    ],
)
def test_a_package_that_fails_is_not_called_unknown(tmp_path, monkeypatch, text, message):
    (tmp_path / 'lab').mkdir()
    (tmp_path / 'lab/__init__.py').write_text(text)
    (tmp_path / 'lab/toy.py').write_text('SIMULATOR = 5')
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=f"'lab.toy': module lab.toy fails on import: {message}"):
        module_of('lab.toy')


@pytest.mark.parametrize(
    ('environment', 'message'),
    [
        ('CartPole-v1', 'CartPole-v1 is no simulator of the suite, and runs in process only'),
        ('irevla_sim:Absent-v0', 'irevla_sim:Absent-v0: '),
        ('absent_module:Toy-v0', "absent_module:Toy-v0: .*'absent_module'"),
    ],
)
def test_an_environment_that_no_node_runs_is_named(environment, message):
    with pytest.raises(ConfigError, match=message):
        simulator_of(environment)


def test_options_that_a_node_would_not_get_are_named():
    options = {'simulator': 'metaworld', 'tasks_file': 'own.yaml', 'action_repeat': 2}
    gymnasium.register('Own-v0', SimulatorEnv, kwargs=options)
    try:
        with pytest.raises(
            ConfigError, match='Own-v0: .* action_repeat, tasks_file would have no'
        ):
            simulator_of('Own-v0')
    finally:
        del gymnasium.registry['Own-v0']


def test_a_task_has_its_own_lengths_and_the_user_s_win(toy, tmp_path):
    (tmp_path / 'own.yaml').write_text(
        'short: {base: reach-red, action_repeat: 2, horizon: 3}\n'
        'shorter: {base: short, horizon: 2}\n'
    )
    hold = np.array([0, 0, 0, 0, 0, 0, 1.0])

    def played(env, task):
        env.reset(seed=1, options={'task': task})
        steps = 1
        while not any(env.step(hold)[2:4]):
            steps += 1
        assert steps == env.horizon
        return env.action_repeat, steps

    given = {'tasks_file': str(tmp_path / 'own.yaml'), 'cameras': ()}
    env = SimulatorEnv('toy', **given)
    assert [played(env, task) for task in ('reach-red', 'short', 'shorter', 'reach-red')] == [
        (5, 40),
        (2, 3),
        (2, 2),
        (5, 40),
    ]
    # Of all tasks that it draws from, the longest decision moves farthest.
    assert env.action_space.high[0] == pytest.approx(0.05)
    env = SimulatorEnv('toy', ['short'], **given)
    assert env.action_space.high[0] == pytest.approx(0.02) and env.metadata['render_fps'] == 50
    env = SimulatorEnv('toy', horizon=4, action_repeat=3, **given)
    assert [played(env, task) for task in ('reach-red', 'short')] == [(3, 4), (3, 4)]


def test_gymnasium_makes_a_simulator_with_its_options(toy):
    env = gymnasium.make('toy:Toy-v0', disable_env_checker=True, cameras=('front',), image_size=20)
    observation, _ = env.reset(seed=0, options={'task': 'reach-red'})
    assert observation['front'].shape == (20, 20, 3) and set(observation) == {'front', 'state'}


FORM = EntryForm(
    required=('instruction', 'share'), options={'share': lambda value: share(value)}, axes=('z',)
)


def share(value):
    """Check an option as a simulator does."""
    if not isinstance(value, float):
        raise ConfigError(f'share {value!r}; expected a number')
    return value


def test_a_simulator_s_own_fields_are_read_and_inherited(tmp_path):
    file = tmp_path / 'tasks.yaml'
    file.write_text(
        'pull: {instruction: pull it, share: 0.9, position: {z: [0.0, 0.1]}, text: all}\n'
        'pull-far: {base: pull, action_repeat: 8}\n'
        'pull-half: {base: pull-far, share: 0.5}\n'
    )
    tasks = read_catalogue([file], FORM)
    assert [(task.base, task.options, task.action_repeat) for task in tasks.values()] == [
        ('pull', {'share': 0.9}, 0),
        ('pull', {'share': 0.9}, 8),
        ('pull', {'share': 0.5}, 8),
    ]
    assert [task.text for task in tasks.values()] == ['all', '', '']
    file.write_text('pull: {instruction: pull it, share: 0.9, colours: {5: [1, 0, 0, 1]}}')
    assert list(read_catalogue([file], FORM)['pull'].variant.colours) == ['5']


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('pull: pull it', 'expected .* a mapping'),
        ('pull: {instruction: pull it}', 'no "share"'),
        ('pull: {instruction: pull it, share: far}', "share 'far'; expected a number"),
        ('pull: {instruction: 5, share: 0.9}', 'instruction 5; expected text'),
        ('pull: {instruction: pull it, share: 0.9, horizon: -1}', 'horizon -1; use a whole'),
        ('pull: {instruction: pull it, share: 0.9, action_repeat: 1.5}', 'action_repeat 1.5'),
        ('pull: {instruction: pull it, share: 0.9, colours: red}', "colours: 'red'; expected a m"),
        ('pull: {instruction: pull it, share: 0.9, position: {x: [0, 1]}}', 'use z with'),
        ('pull: {instruction: pull it, share: 0.9, 5: 1}', "unknown field '5'"),
    ],
)
def test_a_wrong_entry_is_named_with_its_value(tmp_path, text, message):
    file = tmp_path / 'own.yaml'
    file.write_text(text)
    with pytest.raises(ConfigError, match=f'own.yaml, pull: .*{message}'):
        read_catalogue([file], FORM)
