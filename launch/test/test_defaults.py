# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Defaults that occur in two places are equal, or a reason for the difference is listed."""

from dataclasses import fields
from importlib import import_module
import re

from launch.launch_description_sources import get_launch_description_from_python_launch_file
import numpy as np
import pytest
from test_config import CONFIG, NODES
import yaml

from irevla_control.episodes.robot_episode_node import TASKS, read_instructions
from irevla_control.franka.franka_node import PARAMETERS as FRANKA
from irevla_learner.sacfd.config import SACfDConfig
from irevla_policy.nodes.vla_parameters import PARAMETERS as VLA
from irevla_sim.expert_noise import NOISE_STD
from irevla_sim.panda.scene import HOME_JOINTS
from irevla_sim.panda.table import tasks as table_tasks

# Without the old file name, which only names the new one.
LAUNCH_FILES = sorted(
    set((CONFIG.parent / 'launch').glob('*.launch.py'))
    - {CONFIG.parent / 'launch/improve.launch.py'}
)
# Launch arguments whose default differs from every node's: (name, default) to the reason.
DELIBERATE = {
    ('fps', '15'): 'a policy on a robot acts at this rate; a camera alone gives more',
    ('episodes', '20'): 'a session of teleoperation',
    ('episodes', '1000000'): 'the learner ends stage 1',
    ('view', 'false'): 'the page of the graph; that of the mouse is a direction',
}
# A range at the end of a comment, such as "...; 0.1 to 25."
RANGE = re.compile(r'; (\S+) to (\S+)\.$')


def tables():
    return {name: import_module(module).PARAMETERS for name, module in NODES.items()}


def as_argument(default):
    if isinstance(default, list):
        return ','.join(map(str, default))
    return str(default).lower() if isinstance(default, bool) else str(default)


def launch_defaults():
    """Return the name and default of each launch argument that has one, with its launch file."""
    for path in LAUNCH_FILES:
        for argument in get_launch_description_from_python_launch_file(
            str(path)
        ).get_launch_arguments():
            default = ''.join(part.text for part in argument.default_value or ())
            if default:
                yield path.name, argument.name, default


def test_a_launch_argument_has_the_default_of_a_node_that_gets_it():
    given, deliberate = list(launch_defaults()), set()
    for file, name, default in given:
        of_nodes = {
            as_argument(table[name].default) for table in tables().values() if name in table
        }
        if (name, default) in DELIBERATE:
            assert default not in of_nodes, f'{file}: {name} does not differ'
            deliberate.add((name, default))
        else:
            assert not of_nodes or default in of_nodes, f'{file}: {name}:={default}, {of_nodes}'
    assert deliberate == set(DELIBERATE)
    assert {'horizon', 'image_size', 'action_repeat', 'cameras', 'mode'} <= {
        name for _, name, _ in given
    }


@pytest.mark.parametrize('node', NODES)
def test_a_range_in_a_comment_is_the_node_s(node):
    table, lines = (
        import_module(NODES[node]).PARAMETERS,
        (CONFIG / f'{node}.yaml').read_text().splitlines(),
    )
    for comment, line in zip(lines, lines[1:]):
        name, found = line.strip().partition(':')[0], RANGE.search(comment)
        if found and comment.strip().startswith('#') and name in table:
            assert tuple(map(float, found.groups())) == (table[name].low, table[name].high), name


def test_the_arm_s_file_gives_every_range():
    text = (CONFIG / 'franka.yaml').read_text()
    scalars = [
        name
        for name, one in FRANKA.items()
        if one.low is not None and not isinstance(one.default, list)
    ]
    for name in scalars:
        before = text[: text.index(f'    {name}: ')].splitlines()[-1]
        assert RANGE.search(before), name


def test_exploration_noise_has_the_same_ranges_in_node_and_settings():
    settings = {entry.name: entry for entry in fields(SACfDConfig)}
    for name in ('noise_std_low', 'noise_std_high', 'noise_correlation'):
        bounds = settings[name].metadata['range']
        assert (VLA[name].low, VLA[name].high) == (bounds.least, bounds.most), name
    assert VLA['noise_correlation'].default == SACfDConfig.noise_correlation
    # By default the policy acts without noise; launch files with a learner set the noise.
    assert VLA['noise_std_low'].default == VLA['noise_std_high'].default == 0


def test_the_demo_has_the_expert_s_default_noise():
    assert yaml.safe_load((CONFIG / 'demo.yaml').read_text())['noise_std'] == NOISE_STD.default


def test_the_simulated_robot_has_the_robot_s_tasks_and_home():
    assert read_instructions(TASKS) == {
        name: task.instruction for name, task in table_tasks.TASKS.items()
    }
    np.testing.assert_allclose(FRANKA['home_joints'].default, HOME_JOINTS, atol=1e-4)
