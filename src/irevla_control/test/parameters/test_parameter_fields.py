# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Each default is written once: a node's parameters are the fields of its settings."""

from dataclasses import MISSING, dataclass, fields
from importlib import import_module

import pytest

from irevla_control.arm.controller import ArmTiming
from irevla_control.arm.joint_limits import JointLimits
from irevla_control.arm.limits import ArmLimits
from irevla_control.cameras.settings import CameraSettings
from irevla_control.errors import ConfigError
from irevla_control.franka.collision import CollisionThresholds
from irevla_control.franka.franka_gripper import GripperSettings
from irevla_control.franka.gains import ArmGains
from irevla_control.parameters.parameter import Parameter
from irevla_control.parameters.parameter_fields import (
    from_parameters,
    parameter,
    parameter_field,
    parameters_of,
)
from irevla_control.recording.limits import Limits
from irevla_control.teleop.spacemouse import SpaceMouseSettings

FRANKA = 'irevla_control.franka.franka_node'
NODES = {
    ArmLimits: FRANKA,
    JointLimits: FRANKA,
    ArmGains: FRANKA,
    CollisionThresholds: FRANKA,
    ArmTiming: FRANKA,
    GripperSettings: FRANKA,
    SpaceMouseSettings: 'irevla_control.teleop.spacemouse_node',
    CameraSettings: 'irevla_control.cameras.realsense_node',
    Limits: 'irevla_control.recording.recorder_node',
}
# Fields with a default that are no parameters, and why.
NO_PARAMETERS = {
    ArmLimits: {'home_rotation'},  # from home_quaternion
    ArmGains: {'joint_limits'},  # None: franky does not push back
    CameraSettings: {'rotation'},  # the node has one for each camera
    Limits: {
        'hold_bytes',
        'min_free_bytes',  # in MB in the node, from these defaults
        'cameras',
        'from_start',
    },  # topics, whose names the node resolves
}


@dataclass(frozen=True)
class Heating:
    """Settings of a heater."""

    name: str
    power: float = parameter(5.0, 'heating power [W]', 0.0, 10.0)
    zones: tuple[int, ...] = parameter((1, 2), 'zones that are heated', 1, 9)
    mode: str = parameter('low', 'how it heats', choices=('low', 'high'))
    shared: float = parameter_field(Parameter(0.5, 'shared with others [s]', 0.0, 1.0))

    def __post_init__(self) -> None:
        """Refuse a heater that does nothing."""
        if not self.zones:
            raise ConfigError('no zones')


def test_fields_are_parameters_with_their_default_range_and_description():
    assert parameters_of(Heating) == {
        'power': Parameter(5.0, 'heating power [W]', 0.0, 10.0),
        'zones': Parameter([1, 2], 'zones that are heated', 1, 9),
        'mode': Parameter('low', 'how it heats', choices=('low', 'high')),
        'shared': Parameter(0.5, 'shared with others [s]', 0.0, 1.0),
    }


def test_values_of_parameters_make_the_dataclass():
    values = {'power': 7.0, 'zones': [3], 'mode': 'high', 'shared': 0.1, 'another': True}
    assert from_parameters(Heating, values, name='oven') == Heating('oven', 7.0, (3,), 'high', 0.1)
    with pytest.raises(ConfigError, match='no zones'):
        from_parameters(Heating, values | {'zones': []}, name='oven')


@pytest.mark.parametrize('kind', NODES)
def test_a_node_declares_the_fields_of_its_settings(kind):
    table = import_module(NODES[kind]).PARAMETERS
    declared = parameters_of(kind)
    assert declared and all(table[name] is given for name, given in declared.items())
    defaults = {
        entry.name
        for entry in fields(kind)
        if entry.default is not MISSING or entry.default_factory is not MISSING
    }
    assert defaults - set(declared) == NO_PARAMETERS.get(kind, set())
