# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node parameters declared as data: default, description and range in one line each."""

from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterValueException
from rclpy.node import Node

from irevla_control.errors import ConfigError


@dataclass(frozen=True)
class Parameter:
    """One read-only parameter of a node.

    Attributes:
        default: its type is the parameter's type.
        description: with the unit, where it has one.
        low, high: inclusive range of a number; both or neither.
        choices: allowed values of a string.

    """

    default: Any
    description: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


def _descriptor(parameter: Parameter) -> ParameterDescriptor:
    text = parameter.description
    if parameter.choices:
        text += f' (one of {", ".join(parameter.choices)})'
    descriptor = ParameterDescriptor(description=text, read_only=True)
    if parameter.low is not None:
        if isinstance(parameter.default, float):
            descriptor.floating_point_range = [FloatingPointRange(
                from_value=float(parameter.low), to_value=float(parameter.high))]
        else:
            descriptor.integer_range = [IntegerRange(
                from_value=int(parameter.low), to_value=int(parameter.high))]
    return descriptor


def declare(node: Node, parameters: dict[str, Parameter]) -> dict[str, Any]:
    """Declare all parameters and return their values.

    Raises:
        ConfigError: a value outside its range or choices; names parameter, value and remedy.

    """
    values = {}
    for name, parameter in parameters.items():
        try:
            value = node.declare_parameter(name, parameter.default, _descriptor(parameter)).value
        except InvalidParameterValueException as error:
            raise ConfigError(f'parameter {name}: {error}; allowed is {parameter.low} to '
                              f'{parameter.high}') from error
        if parameter.choices and value not in parameter.choices:
            raise ConfigError(f'parameter {name}: {value!r} is not one of '
                              f'{", ".join(parameter.choices)}')
        values[name] = list(value) if isinstance(parameter.default, list) else value
    return values
