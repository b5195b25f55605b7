# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Fields of dataclasses that are parameters of a node too.

Name, default, description, unit and range of such a parameter stand in the dataclass only:

    @dataclass(frozen=True)
    class Heating:
        power: float = parameter(5.0, 'heating power [W]', 0.0, 10.0)

    PARAMETERS = {**parameters_of(Heating), 'address': Parameter('', 'address of the heater')}
    heating = from_parameters(Heating, declare(node, PARAMETERS))

The range is that of the node; the dataclass takes any value that its own checks allow.
"""

from collections.abc import Mapping
from dataclasses import field, fields
from typing import Any, TypeVar

from irevla_control.parameters.parameter import Form, Parameter

Kind = TypeVar('Kind')
_KEY = 'parameter'


def parameter(
    default: Any,
    description: str,
    low: float | None = None,
    high: float | None = None,
    *,
    choices: tuple[Any, ...] = (),
    form: Form | None = None,
) -> Any:
    """Return a field of a dataclass that is a parameter; see `Parameter` for the arguments.

    A tuple is a list as parameter.
    """
    return parameter_field(
        Parameter(
            list(default) if isinstance(default, tuple) else default,
            description,
            low,
            high,
            choices,
            form,
        )
    )


def parameter_field(declared: Parameter) -> Any:
    """Return a field of a dataclass that is a declared parameter."""
    return field(default=_frozen(declared.default), metadata={_KEY: declared})


def parameters_of(*kinds: type) -> dict[str, Parameter]:
    """Return the parameters among the fields of dataclasses, by name."""
    return {
        entry.name: entry.metadata[_KEY]
        for kind in kinds
        for entry in fields(kind)
        if _KEY in entry.metadata
    }


def from_parameters(kind: type[Kind], values: Mapping[str, Any], **others: Any) -> Kind:
    """Make a dataclass from the values of parameters, and from its ``others`` fields.

    Args:
        kind: the dataclass.
        values: values of its parameters by name; more are allowed.
        others: fields that are no parameters.

    Raises:
        ConfigError: what the dataclass refuses.

    """
    return kind(**{name: _frozen(values[name]) for name in parameters_of(kind)}, **others)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
