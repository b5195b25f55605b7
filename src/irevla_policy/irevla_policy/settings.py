# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Settings as frozen dataclasses: the one builder of everything that a YAML file configures.

A dataclass that derives from `Settings` is the only place where a setting's name, type, range and
default stand:

    @dataclass(frozen=True)
    class Cooking(Settings):
        what: ClassVar[str] = 'cooking settings'
        minutes: int = setting(5, least=1)
        heat: Literal['low', 'high'] = 'low'

    Cooking.load(Path('cooking.yaml'))

Types may be bool, int, float, str, Path, Literal, tuple[X, ...], dict, another such dataclass, or
one of them or None. Paths in a file are relative to its folder.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
import math
from pathlib import Path
import sys
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, TypeGuard, TypeVar, get_args, get_origin, get_type_hints

import yaml

from irevla_control.errors import ConfigError
from irevla_control.files import write_synced
from irevla_policy.renamed_settings import renamed_hint
from irevla_policy.yaml_file import YamlFile, read_yaml

Kind = TypeVar('Kind', bound='Settings')
# In words, one of a type and many.
_NAMES = {
    bool: ('true or false', ''),
    int: ('a whole number', 'whole numbers'),
    float: ('a number', 'numbers'),
    str: ('text', 'names'),
    Path: ('a path', 'paths'),
    dict: ('a block of "name: value" lines', ''),
}


class SettingError(ConfigError):
    """A setting that does not fit; ``key`` is its name, nested ones joined by dots."""

    def __init__(self, key: str, text: str) -> None:
        """Say what is wrong in ``text``, which names the key too."""
        super().__init__(text)
        self.key = key

    def below(self, section: str) -> 'SettingError':
        """Return the error of a setting that a section contains."""
        return SettingError(f'{section}.{self.key}', f'{section}.{self}')


@dataclass(frozen=True)
class _Range:
    """Numbers from `least` to `most`, both included, or from `above` to `below`, excluded."""

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    def __contains__(self, value: float) -> bool:
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        # As YAML reads them back.
        least, most, above, below = (
            None if end is None else f'{Decimal(str(end)):f}'
            for end in (self.least, self.most, self.above, self.below)
        )
        end = f' to {most}' if most else f' to below {below}' if below else ''
        if above:
            return f' above {above}{end}'
        if not least:
            return f' up{end}' if end else ''
        return f' from {least}{end}' if end else f' of {least} or more'


def setting(
    default: Any = MISSING,
    *,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> Any:
    """Return a field of a settings dataclass whose number, or numbers, must lie in a range."""
    return field(default=default, metadata={'range': _Range(least, most, above, below)})


@dataclass(frozen=True)
class Settings:
    """Settings that a YAML file may give; ``what`` they are begins an error."""

    what: ClassVar[str] = 'settings'

    def __post_init__(self) -> None:
        """Check types and ranges; a whole number becomes a float, a list a tuple, where needed.

        Raises:
            SettingError: names the setting, its value and what is needed.

        """
        for entry in fields(self):
            object.__setattr__(
                self,
                entry.name,
                _converted(
                    _hints(type(self))[entry.name],
                    getattr(self, entry.name),
                    entry.name,
                    _range(entry),
                ),
            )

    def check_new(self) -> None:
        """Raise SettingError for what a new file may not say, though stored settings may have it.

        Here everything is allowed; a kind of settings with such a rule overrides this.
        """

    @classmethod
    def load(
        cls: type[Kind],
        path: Path | None,
        overrides: Mapping[str, Any] | None = None,
        base: Kind | None = None,
    ) -> Kind:
        """Read settings from a YAML file.

        Args:
            path: of the file; None: what it could give is left out.
            overrides: what the command line gives, before the file; None counts as not given.
            base: settings that what is left out is taken from, instead of the defaults.

        Raises:
            ConfigError: the file cannot be read, or a setting is missing, unknown or does not
                fit: with file, line, name, value and what is needed.

        """
        file = read_yaml(path, cls.what) if path else YamlFile()
        given = {name: value for name, value in (overrides or {}).items() if value is not None}
        left_out = (
            {} if base is None else {one.name: getattr(base, one.name) for one in fields(base)}
        )
        try:
            settings = build(
                cls, left_out | file.values | given, folder=path and Path(path).parent
            )
            settings.check_new()
            return settings
        except SettingError as error:
            place = '' if path is None or error.key in given else f' {path}{file.line(error.key)}'
            raise ConfigError(f'{cls.what}{place}: {error}') from error


def read_mapping(path: Path, what: str) -> dict[str, Any]:
    """Read a YAML file of "name: value" lines; ``what`` it is begins an error's message.

    Raises:
        ConfigError: the file cannot be read, is no mapping, or has a name twice.

    """
    return read_yaml(path, what).values


def write_settings(path: Path, settings: Settings) -> None:
    """Write settings as the YAML file that `Settings.load` reads; replaces a file."""
    write_synced(path, yaml.safe_dump(plain(settings), sort_keys=False))


def plain(settings: Settings) -> dict[str, Any]:
    """Return settings as data that JSON and YAML have: paths are text, tuples are lists."""
    return {entry.name: _plain(getattr(settings, entry.name)) for entry in fields(settings)}


def build(kind: type[Kind], data: Any, where: str = '', folder: Path | None = None) -> Kind:
    """Make settings of plain data; ``where`` in it, and relative to which folder.

    Raises:
        SettingError: names what is missing, unknown or does not fit.

    """
    if not isinstance(data, Mapping):
        raise _wrong(where, data, _remedy(kind, _Range()))
    entries = {entry.name: entry for entry in fields(kind)}
    prefix, hints = f'{where}.' if where else '', _hints(kind)
    for name, value in data.items():
        if name not in entries:
            known = f'known are {", ".join(sorted(entries))}'
            raise SettingError(
                f'{prefix}{name}',
                f'unknown key {prefix}{name}; ' + (renamed_hint(name, value, entries) or known),
            )
    missing = [
        f'{entry.name} ({_kind(hints[entry.name], _range(entry))})'
        for entry in entries.values()
        if entry.name not in data and entry.default is MISSING and entry.default_factory is MISSING
    ]
    if missing:
        raise SettingError(where, f'{where or "it"} needs {", ".join(missing)}')
    values = {
        name: _converted(hints[name], value, f'{prefix}{name}', _range(entries[name]), folder)
        for name, value in data.items()
    }
    try:
        return kind(**values)
    except SettingError as error:
        if not where:
            raise
        raise error.below(where) from error


_hints: Callable[[type], dict[str, Any]] = cache(get_type_hints)


def _is_settings(hint: Any) -> TypeGuard[type[Settings]]:
    return isinstance(hint, type) and issubclass(hint, Settings)


def _range(entry: Any) -> _Range:
    return entry.metadata.get('range', _Range())


def _wrong(key: str, value: Any, needed: str) -> SettingError:
    return SettingError(key, f'{key} is {value!r}; {needed}')


def _converted(hint: Any, value: Any, key: str, bounds: _Range, folder: Path | None = None) -> Any:
    """Return a value as its type hint says, or raise SettingError."""
    options = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    if value is None and NoneType in options:
        return None
    if any(_is_settings(one) and isinstance(value, one) for one in options):
        return value
    kinds = [one for one in options if one is not NoneType]
    if len(kinds) == 1:
        if _is_settings(kinds[0]):
            return build(kinds[0], value, key, folder)
        if kinds[0] is Path and isinstance(value, str) and value and folder is not None:
            return _existing(folder / value, key)
        converted = _plain_converted(kinds[0], value, bounds)
        if converted is not None:
            return converted
    raise _wrong(key, value, _remedy(hint, bounds) + _yaml_remedy(hint, value))


def _existing(path: Path, key: str) -> Path:
    if not path.exists():
        raise SettingError(key, f'{key} {path.resolve()} does not exist')
    return path.resolve()


def _plain_converted(hint: Any, value: Any, bounds: _Range) -> Any:
    """Return a value of a plain type as its type hint says; None: it does not fit."""
    origin = get_origin(hint) or hint
    if origin is Literal:
        return value if value in get_args(hint) else None
    if origin is tuple and isinstance(value, list | tuple):
        items = tuple(_plain_converted(get_args(hint)[0], item, bounds) for item in value)
        return None if any(item is None for item in items) else items
    if origin is dict and isinstance(value, dict):
        kind = (get_args(hint) or (Any, Any))[1]
        if kind is not Any and _names_that_are_no_text(value):
            return None
        if kind is Any:
            return dict(value) if _is_finite(value) else None
        found = {name: _plain_converted(kind, item, bounds) for name, item in value.items()}
        return None if None in found.values() else found
    if hint is float and type(value) is int:
        # A larger one is no float.
        value = float(value) if abs(value) <= sys.float_info.max else math.inf
    fits = isinstance(value, Path) if hint is Path else type(value) is hint
    if not fits or not _is_finite(value) or (hint in (int, float) and value not in bounds):
        return None
    return value


def _names_that_are_no_text(value: dict) -> list:
    """Return the names in a mapping, and in those inside, that YAML takes for another type."""
    inside = [one for item in value.values() if isinstance(item, dict) for one in item]
    return [name for name in (*value, *inside) if not isinstance(name, str)]


def _is_finite(value: Any) -> bool:
    """Return whether JSON has all numbers in a value, so that a checkpoint can be written."""
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _kind(hint: Any, bounds: _Range) -> str:
    """Return what a type hint and a range ask for, in words."""
    if isinstance(hint, UnionType):
        return ', or '.join(_kind(part, bounds) for part in get_args(hint))
    if hint is NoneType:
        return 'null'
    origin = get_origin(hint) or hint
    if origin is Literal:
        return ' or '.join(map(str, get_args(hint)))
    if origin is tuple:
        return f'a list of {_NAMES[get_args(hint)[0]][1]}{bounds}'
    if origin is dict and get_args(hint):
        inner, form = get_args(hint)[1], 'number'
        if get_origin(inner) is dict:
            inner, form = get_args(inner)[1], '{name: number}'
        return f'a block of "name: {form}" lines, {_NAMES[inner][1]}{bounds}'
    if is_dataclass(hint):
        origin = dict
    return f'{_NAMES[origin][0]}{bounds}'


def _remedy(hint: Any, bounds: _Range) -> str:
    if get_origin(hint) is Literal:
        return f'use {_kind(hint, bounds)}'
    return f'{_kind(hint, bounds)} is needed'


def _yaml_remedy(hint: Any, value: Any) -> str:
    """Return the remedy for a value in a form that YAML takes for another type, else ''."""
    if isinstance(value, bool) and (hint is str or get_origin(hint) is Literal):
        return ' (YAML takes no and off, yes and on for truth values: put them in quotes)'
    if isinstance(value, dict) and (names := _names_that_are_no_text(value)):
        quoted = 'no, off, yes and on' if isinstance(names[0], bool) else names[0]
        return f' (names are text: put {quoted} in quotes)'
    if not _is_finite(value):
        return ' (every number must be finite; 1.0e+30 is as good as no limit)'
    if hint in (int, float) and isinstance(value, str):
        try:
            number = Decimal(value)
        except InvalidOperation:
            return ''
        return f' (YAML takes {value} for text: write {number:f})' if number.is_finite() else ''
    return ''


def _plain(value: Any) -> Any:
    if isinstance(value, Settings):
        return plain(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return str(value) if isinstance(value, Path) else value
