# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A YAML file gives typed settings, or an error with file, line, name, value and remedy."""

from dataclasses import FrozenInstanceError, dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import pytest

from irevla_control.errors import ConfigError
from irevla_policy.settings import (
    SettingError,
    Settings,
    build,
    plain,
    setting,
    write_settings,
)


@dataclass(frozen=True)
class Oven(Settings):
    """A section."""

    heat: Literal['low', 'high'] = 'low'
    trays: tuple[int, ...] = setting((1, 2), least=1)

    def __post_init__(self):
        """Refuse more than two trays with high heat."""
        super().__post_init__()
        if self.heat == 'high' and len(self.trays) > 2:
            raise SettingError('trays', f'trays is {self.trays}; use two at most with heat high')


@dataclass(frozen=True)
class Cooking(Settings):
    """A file."""

    what: ClassVar[str] = 'cooking settings'

    recipe: Path
    oven: Oven
    minutes: int = setting(5, least=1, most=90)
    salt: float = setting(0.5, above=0, below=2)
    shares: dict[str, float] | None = setting(None, least=0)
    stirred: bool = False
    note: Path | None = None
    weight: float = setting(1.0, least=0)
    weights: tuple[float, ...] = setting((), least=0)
    more: dict = field(default_factory=dict)
    menu: dict[str, dict[str, int]] = field(default_factory=dict)


WHOLE = 'recipe: soup.txt\noven:\n  heat: low\n'


@pytest.fixture
def file(tmp_path):
    (tmp_path / 'soup.txt').write_text('')
    return tmp_path / 'cooking.yaml'


def test_a_file_gives_typed_settings(file):
    file.write_text(WHOLE + '  trays: [3]\nminutes: 7\nsalt: 1\nshares: {soup: 2}\n')
    assert Cooking.load(file) == Cooking(
        file.parent / 'soup.txt', Oven(trays=(3,)), 7, 1.0, {'soup': 2.0}
    )
    assert type(Cooking.load(file).salt) is float
    with pytest.raises(FrozenInstanceError):
        Cooking.load(file).minutes = 3


@pytest.mark.parametrize(
    'text, message',
    [
        ('minutes: 91', ':4: minutes is 91; a whole number from 1 to 90 is needed'),
        ('minutes: 5.0', ':4: minutes is 5.0; a whole number from 1 to 90 is needed'),
        ('minutes: true', ':4: minutes is True; a whole number from 1 to 90 is needed'),
        ('salt: 0', ':4: salt is 0; a number above 0 to below 2 is needed'),
        ('salt: .nan', ':4: salt is nan; a number above 0 to below 2 is needed'),
        (
            'salt: 1e-7',
            ":4: salt is '1e-7'; a number above 0 to below 2 is needed (YAML takes 1e-7 "
            'for text: write 0.0000001)',
        ),
        ('salt: much', ":4: salt is 'much'; a number above 0 to below 2 is needed\n"),
        ('salt: nan', ":4: salt is 'nan'; a number above 0 to below 2 is needed\n"),
        ('shares: {soup: .inf}', ":4: shares is {'soup': inf}; "),
        ('more: {a: [1, {b: .inf}]}', ":4: more is {'a': [1, {'b': inf}]}; "),
        (
            'weight: .inf',
            ':4: weight is inf; a number of 0 or more is needed (every number must be '
            'finite; 1.0e+30 is as good as no limit)',
        ),
        ('weight: 1' + 400 * '0', ':4: weight is 1000'),
        ('weights: [1, .inf]', ':4: weights is [1, inf]; a list of numbers of 0 or more is'),
        ('more: &a {b: *a}', ':4: more.b contains itself through an alias (*); write it out'),
        ('more: &a [1, *a]', ':4: more contains itself through an alias (*); write it out'),
        ('more: ' + 3000 * '[', ': nested too deeply; write it flat'),
        ('oven.heat: low', ':4: unknown key oven.heat; '),
        ('stirred: 1', ':4: stirred is 1; true or false is needed'),
        ('  heat: high', ':4: oven.heat is there twice, first in line 3; remove one'),
        ('  trays: [1, 0]', ':4: oven.trays is [1, 0]; a list of whole numbers of 1 or more is'),
        ('  tray: []', ':4: unknown key oven.tray; known are heat, trays'),
        (
            'shares: {soup: -1}',
            ':4: shares is {\'soup\': -1}; a block of "name: number" lines, '
            'numbers of 0 or more, or null is needed',
        ),
        (
            'menu: {soup: 3}',
            ':4: menu is {\'soup\': 3}; a block of "name: {name: number}" lines, whole numbers '
            'is needed\n',
        ),
        ('menu: {soup: {1: 3}}', ' is needed (names are text: put 1 in quotes)\n'),
        ('shares: {no: 3}', ' is needed (names are text: put no, off, yes and on in quotes)\n'),
        ('note: nowhere.txt', 'nowhere.txt does not exist'),
        ('note: ""', ":4: note is ''; a path, or null is needed"),
        ('1: 2', ':4: unknown key 1; known are menu, minutes, more, note, oven, recipe'),
        ('salt: [', ':5: no YAML: '),
        ('minutes: 2\nminutes: 3', ':5: minutes is there twice, first in line 4; remove one'),
    ],
)
def test_a_wrong_value_is_refused_with_its_line(file, text, message):
    file.write_text(f'{WHOLE}{text}\n')
    with pytest.raises(ConfigError) as caught:
        Cooking.load(file)
    assert str(caught.value).startswith(f'cooking settings {file}')
    assert message in f'{caught.value}\n'


def test_an_unquoted_off_that_yaml_reads_as_false_is_explained(file):
    file.write_text('recipe: soup.txt\noven:\n  heat: off\n')
    with pytest.raises(ConfigError, match=r':3: oven\.heat is False; use low or high .*quotes'):
        Cooking.load(file)


def test_two_contradictory_settings_are_refused_with_one_s_line(file):
    file.write_text('recipe: soup.txt\noven:\n  heat: high\n  trays: [1, 2, 3]\n')
    with pytest.raises(ConfigError, match=r':4: oven\.trays is \(1, 2, 3\); use two at most'):
        Cooking.load(file)
    with pytest.raises(SettingError, match=r'^trays is \(1, 2, 3\)'):
        Oven('high', (1, 2, 3))


def test_missing_settings_are_named_with_their_types(file):
    file.write_text('minutes: 3\n')
    with pytest.raises(ConfigError, match=r'yaml: it needs recipe \(a path\), oven \(a block'):
        Cooking.load(file)


def test_the_base_gives_missing_values_and_the_command_line_overrides(file):
    base = build(Cooking, {'recipe': file, 'oven': {'heat': 'high'}, 'minutes': 30, 'salt': 1.5})
    file.write_text('salt: 0.7\nminutes: 20\n')
    found = Cooking.load(file, {'minutes': 40, 'salt': None}, base)
    assert (found.oven.heat, found.minutes, found.salt) == ('high', 40, 0.7)
    assert Cooking.load(None, base=base) == base
    with pytest.raises(ConfigError, match=r'^cooking settings: minutes is 0;'):
        Cooking.load(file, {'minutes': 0}, base)


def test_saved_settings_are_loaded_unchanged(file, tmp_path):
    file.write_text(WHOLE + 'salt: 0.00001\nshares: {soup: 0.5}\n')
    settings = Cooking.load(file)
    write_settings(tmp_path / 'again.yaml', settings)
    assert Cooking.load(tmp_path / 'again.yaml') == settings
    assert plain(settings)['oven'] == {'heat': 'low', 'trays': [1, 2]}


def test_a_block_used_twice_through_an_alias_is_read(file):
    file.write_text(WHOLE + 'more: {a: &a {b: 1}, c: *a, d: [*a, *a]}\n')
    assert Cooking.load(file).more == {'a': {'b': 1}, 'c': {'b': 1}, 'd': [{'b': 1}, {'b': 1}]}
