# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""One parameter of a node as data: type, range, and the check of a value."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
import json
import math
import re
from typing import Any

from irevla_control.errors import ConfigError

# Singular and plural, by the type of the default.
_KINDS = {
    bool: ('true or false', 'true or false'),
    int: ('a whole number', 'whole numbers'),
    float: ('a number', 'numbers'),
    str: ('text', 'texts'),
}


@dataclass(frozen=True)
class Form:
    """The required form of a text, in words and as a regular expression."""

    words: str
    pattern: str

    def fits(self, text: str) -> bool:
        """Return whether a text has this form."""
        return re.fullmatch(self.pattern, text, re.ASCII) is not None


_TOKEN = r'[A-Za-z_]\w*'
_TOPIC = rf'/?{_TOKEN}(/{_TOKEN})*'
NAME = Form('a name of letters, digits and _ that does not begin with a digit', _TOKEN)
# A camera's name is part of its topics' names.
CAMERA = NAME
SERIAL = Form('a serial number, without spaces', r'\S+')
TOPIC = Form('the name of a topic, as robot_state or camera/front/image_raw', _TOPIC)
TYPED_TOPIC = Form('"name package/msg/Type"', rf'{_TOPIC}\s+\w+/msg/\w+')


@dataclass(frozen=True)
class Parameter:
    """One read-only parameter of a node.

    Attributes:
        default: the default, whose type is the parameter's type. A list of floats is a vector of
            fixed length; other lists may have any length above 0.
        description: text that ends with the unit in brackets, if there is one.
        low, high: inclusive range of a number, or of each number in a list; both or neither.
        choices: allowed values.
        form: form of the text, or of each text in a list, which may contain each text once; ''
            means that no text is given.

    """

    default: Any
    description: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    form: Form | None = None

    def fitted(self, value: Any) -> Any:
        """Return a value converted to the parameter's type; a float may be given as an integer.

        Raises:
            ConfigError: the value is invalid; the text has the value and what is expected.

        """
        is_list = isinstance(self.default, list)
        if is_list != isinstance(value, list):
            raise self._misfit(value)
        items = [self._item(item, value) for item in (value if is_list else [value])]
        if not is_list:
            return items[0]
        if not items or self._size not in (None, len(items)):
            raise self._misfit(value)
        twice = [item for item, count in Counter(items).items() if count > 1]
        if self.form and twice:
            raise ConfigError(f'{shown(value)}: {shown(twice[0])} given twice')
        return items

    @property
    def expected(self) -> str:
        """The allowed values, in words."""
        if self.choices:
            words = f'one of {", ".join(map(shown, self.choices))}'
            return f'a list, each {words}' if isinstance(self.default, list) else words
        kind = type(self._first)
        one, many = _KINDS[kind]
        if self.form:
            one, many = self.form.words, f'texts, each {self.form.words}'
        words = (
            one
            if not isinstance(self.default, list)
            else f'{self._size} {many}'
            if self._size
            else f'a list of {many}'
        )
        return words if self.low is None else f'{words} from {self.low} to {self.high}'

    @property
    def unit(self) -> str:
        """The unit at the end of the description; '' if there is none."""
        found = re.search(r'\[([^\[\]]+)\]$', self.description)
        return found.group(1) if found else ''

    @property
    def _first(self) -> Any:
        return self.default[0] if isinstance(self.default, list) else self.default

    @property
    def _size(self) -> int | None:
        return (
            len(self.default)
            if isinstance(self.default, list) and isinstance(self._first, float)
            else None
        )

    def _item(self, item: Any, value: Any) -> Any:
        """Return one item converted to the parameter's type; ``value`` is the whole value."""
        kind = type(self._first)
        if kind is float and type(item) is int:
            item = float(item)
        if type(item) is not kind or (self.choices and item not in self.choices):
            raise self._misfit(value)
        if kind is float and not math.isfinite(item):
            raise self._misfit(value)
        if self.low is not None and not self.low <= item <= self.high:
            raise self._misfit(value)
        if self.form and item and not self.form.fits(item):
            raise ConfigError(f'{shown(value)}: {item!r} is not {self.form.words}')
        return item

    def _misfit(self, value: Any) -> ConfigError:
        if len(self.choices) == 1:
            return ConfigError(
                f'{shown(value)}: {self.description}; only {shown(self.choices[0])} is possible'
            )
        items = value if isinstance(value, list) else [value]
        quotes = isinstance(self._first, str) and any(not isinstance(one, str) for one in items)
        return ConfigError(
            f'{shown(value)}: expected {self.expected}'
            + ('; text that looks like something else needs quotes' if quotes else '')
        )


Table = Mapping[str, Parameter]

# Shared by all nodes that join observations; the recorder stores it for readers of its bags.
MAX_SKEW = Parameter(
    0.0,
    "largest age of the other parts of an observation relative to the first camera's stamp; "
    '0: equal stamps, as in simulators [s]',
    0.0,
    1.0,
)

# Parameters that have a new name, of any node.
RENAMED = {'most_owed': 'max_pending_updates'}

# Parameters that rclpy declares for every node.
RCLPY_PARAMETERS: Table = {
    'use_sim_time': Parameter(
        False,
        'the nodes use the clock of this machine, and no node publishes /clock',
        choices=(False,),
    ),
    'start_type_description_service': Parameter(True, 'whether the service for types runs'),
}


def fitted(table: Table, name: str, value: Any) -> Any:
    """Return the value of a parameter that a table or rclpy declares.

    Raises:
        ConfigError: neither declares it (the text has the nearest name); or as
            `Parameter.fitted`.

    """
    known = {**RCLPY_PARAMETERS, **table}
    if name not in known:
        raise ConfigError(f'{shown(value)}: no such parameter; {alternative(name, known)}')
    return known[name].fitted(value)


def alternative(name: str, known: Iterable[str]) -> str:
    """Return which known parameter to use for an unknown one: its new name, else the nearest."""
    known = list(known)
    new = RENAMED.get(name)
    return f'it is now {new}' if new in known else f'the nearest is {nearest(name, known)}'


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most similar to another."""
    return max(known, key=lambda one: likeness(name, one))


def likeness(name: str, other: str) -> float:
    """Return the similarity of two names, from 0 to 1."""
    return SequenceMatcher(None, name, other).ratio()


def shown(value: Any) -> str:
    """Return a value as YAML in one line."""
    return json.dumps(value, default=str, ensure_ascii=False)
