# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Declares a node's parameters from a table, and refuses invalid values."""

from collections.abc import Iterator, Sequence
from pathlib import Path
import sys
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from irevla_control.errors import ConfigError
from irevla_control.parameters.blocks import read_blocks, read_value
from irevla_control.parameters.parameter import (
    CAMERA,
    MAX_SKEW,
    NAME,
    SERIAL,
    TOPIC,
    TYPED_TOPIC,
    Parameter,
    Table,
    fitted,
)
from irevla_control.parameters.params_file import missed

__all__ = [
    'CAMERA',
    'MAX_SKEW',
    'NAME',
    'SERIAL',
    'TOPIC',
    'TYPED_TOPIC',
    'Parameter',
    'check_arguments',
    'declare',
]

# How launch_ros names the file of what a launch file gives.
_OF_LAUNCH = 'launch_params_'


def declare(node: Node, parameters: Table) -> dict[str, Any]:
    """Declare all parameters and return their values.

    Raises:
        ConfigError: a value is invalid, a given parameter is not declared, or a params file has a
            block whose name does not match this node; one line per problem with file, key, value
            and the expected value.

    """
    name, values, problems = node.get_fully_qualified_name(), {}, []
    for path in _files(sys.argv):
        problem = missed(path, read_blocks(path), name)
        problems += [problem] if problem else []
    # rclpy has no public access to overrides.
    for key, given in node._parameter_overrides.items():
        # rclpy gives arrays, and None for an empty list.
        value = (
            given.value
            if isinstance(given.value, (bool, int, float, str, bytes))
            else list(given.value or [])
        )
        try:
            values[key] = fitted(parameters, key, value)
        except ConfigError as error:
            problems.append(f'{_origin(sys.argv, name, key)}parameter {key}: {error}')
    if problems:
        raise ConfigError('\n'.join(problems))
    for key, parameter in parameters.items():
        value = values.get(key, parameter.default)
        node.declare_parameter(key, value, _descriptor(parameter), ignore_override=True)
    return {
        key: node.get_parameter(key).value
        if not isinstance(parameter.default, list)
        else list(node.get_parameter(key).value)
        for key, parameter in parameters.items()
    }


def check_arguments(arguments: Sequence[str]) -> None:
    """Check that ROS can read the parameters on a node's command line.

    Raises:
        ConfigError: as `read_blocks`, or a value is invalid.

    """
    for path in _files(arguments):
        read_blocks(path)
    for key, text in _values(arguments):
        try:
            read_value(text)
        except ConfigError as error:
            raise ConfigError(f'parameter {key}: {error}') from error


def _descriptor(parameter: Parameter) -> ParameterDescriptor:
    text = parameter.description
    if parameter.choices:
        text += f' ({parameter.expected})'
    descriptor = ParameterDescriptor(description=text, read_only=True)
    if (
        parameter.low is not None
        and parameter.high is not None
        and not isinstance(parameter.default, list)
    ):
        if isinstance(parameter.default, float):
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(parameter.low), to_value=float(parameter.high))
            ]
        else:
            descriptor.integer_range = [
                IntegerRange(from_value=int(parameter.low), to_value=int(parameter.high))
            ]
    return descriptor


def _files(arguments: Sequence[str]) -> list[Path]:
    return [
        Path(after) for word, after in zip(arguments, arguments[1:]) if word == '--params-file'
    ]


def _values(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    for word, after in zip(arguments, arguments[1:]):
        if word in ('-p', '--param') and ':=' in after:
            key, _, text = after.partition(':=')
            yield key.rpartition(':')[2], text


def _origin(arguments: Sequence[str], node: str, key: str) -> str:
    """Return the file and line that set a parameter of a node, or ''."""
    if key in dict(_values(arguments)):
        return ''
    for path in reversed(_files(arguments)):
        for block in reversed(read_blocks(path)):
            for entry in block.entries if block.matches(node) else ():
                if entry.name == key:
                    return '' if path.name.startswith(_OF_LAUNCH) else f'{path}:{entry.line}: '
    return ''
