# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Constants of messages that code without ROS repeats; a difference would misread a robot."""

from pathlib import Path
import re

import pytest

from irevla_control import episode
from irevla_control.arm.controller import FaultCode, Mode
from irevla_control.teleop.spacemouse_node import VERDICTS

# The repeated constants by message and prefix, and those that no code without ROS needs.
REPEATED = {
    ('EndEffectorCommand', 'SOURCE_'): (
        {name.upper(): value for value, name in enumerate(episode.SOURCES)},
        set(),
    ),
    ('EpisodeState', 'PHASE_'): (
        {
            name.removeprefix('PHASE_'): value
            for name, value in vars(episode).items()
            if name.startswith('PHASE_')
        },
        {'IDLE'},
    ),
    ('OperatorVerdict', ''): (
        {verdict.name: number for verdict, number in VERDICTS.items()},
        set(),
    ),
    ('RobotState', 'MODE_'): ({mode.name: mode for mode in Mode}, {'UNKNOWN'}),
    ('RobotState', 'FAULT_'): ({code.name: code for code in FaultCode}, set()),
}
# Interfaces whose constants no code repeats.
NOT_REPEATED = {'GoHome', 'ResetEpisode'}
DEFINITIONS = Path(__file__).resolve().parents[3] / 'irevla_msgs'
CONSTANT = re.compile(r'^u?int\d+ ([A-Z]\w*)=(-?\d+)', re.MULTILINE)


def declared():
    """Return the constants of each message and service that has some."""
    found = {
        path.stem: {name: int(value) for name, value in CONSTANT.findall(path.read_text())}
        for path in (*DEFINITIONS.glob('msg/*.msg'), *DEFINITIONS.glob('srv/*.srv'))
    }
    return {name: constants for name, constants in found.items() if constants}


@pytest.mark.parametrize(('message', 'prefix'), REPEATED)
def test_repeated_constants_equal_those_of_the_message(message, prefix):
    repeated, others = REPEATED[message, prefix]
    constants = {
        name.removeprefix(prefix): value
        for name, value in declared()[message].items()
        if name.startswith(prefix)
    }
    assert repeated | {name: constants[name] for name in others} == constants
    assert not others & set(repeated)


def test_every_constant_of_the_interfaces_is_covered():
    assert set(declared()) == {message for message, _ in REPEATED} | NOT_REPEATED
    for name in set(declared()) - NOT_REPEATED:
        prefixes = tuple(prefix for message, prefix in REPEATED if message == name)
        assert all(constant.startswith(prefixes) for constant in declared()[name]), name
