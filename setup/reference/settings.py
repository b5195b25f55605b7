# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The page of the settings files in config/, with the allowed values of their classes."""

from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import Path
import re
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml

from irevla_control.parameters.parameter import shown
from irevla_policy.settings import Settings
from reference.markdown import code, page, table

INTRODUCTION = (
    'Each YAML file of settings in [config/](../../config), its keys, the shipped values, and '
    'what is allowed. Files like `config/vla.yaml`, with the parameters of a node: '
    '[parameters](parameters.md). Copy a file to change it; paths in a file are relative to its '
    'folder, and a key that is left out has the default. An unknown key or a value that does not '
    'fit is refused with file, line, key and what is needed.'
)
# The class that reads each file; folders stand for their files.
CLASSES = {
    'algorithm1.yaml': 'irevla_learner.algorithm1.config:_File',
    'demo.yaml': 'irevla_bringup.demo:_File',
    'kitchen/algorithm1.yaml': 'irevla_learner.algorithm1.config:_File',
    'kitchen/demo.yaml': 'irevla_bringup.demo:_File',
    'kitchen/sacfd.yaml': 'irevla_learner.sacfd.config:SACfDConfig',
    'twin/algorithm1.yaml': 'irevla_learner.algorithm1.config:_File',
    'twin/demo.yaml': 'irevla_bringup.demo:_File',
    'twin/stage0.yaml': 'irevla_policy.training.config:TrainConfig',
    'twin/sacfd.yaml': 'irevla_learner.sacfd.config:SACfDConfig',
    'paper.yaml': 'irevla_learner.algorithm1.config:_File',
    'learning/classifier.yaml': 'irevla_learner.classifier.training:ClassifierConfig',
    'learning/ppo.yaml': 'irevla_learner.ppo.config:PPOConfig',
    'learning/sacfd.yaml': 'irevla_learner.sacfd.config:SACfDConfig',
    'learning/sacfd_paper.yaml': 'irevla_learner.sacfd.config:SACfDConfig',
    'presets': 'irevla_policy.model.config:PolicyConfig',
    'training': 'irevla_policy.training.config:TrainConfig',
}
_WORDS = {bool: 'true or false', int: 'whole number', float: 'number', str: 'text', Path: 'path'}
_LINE = re.compile(r'(?P<indent> *)(?P<key>\w+):(?P<rest>.*)')


def settings_page(config: Path) -> str:
    """Return the page of all settings files in a folder."""
    return page('Settings', INTRODUCTION, (_file(config, name) for name in files(config)))


def files(config: Path) -> list[str]:
    """Return the settings files in a folder, relative to it: those that are not of a node."""
    return sorted(
        str(path.relative_to(config))
        for path in config.rglob('*.yaml')
        if 'ros__parameters' not in path.read_text()
    )


def _file(config: Path, name: str) -> tuple[str, str]:
    text = (config / name).read_text()
    allowed = dict(_allowed(_class(name)))
    comments = dict(_comments(text))
    values = dict(_flat(yaml.safe_load(text)))
    rows = (
        [code(key), code(shown(value)), allowed.get(key, ''), _comment(comments, key)]
        for key, value in values.items()
    )
    about = _top(text)
    return f'config/{name}', f'{about}\n\n' + table(['key', 'value', 'allowed', 'meaning'], rows)


def _class(name: str) -> type[Settings]:
    module, _, attribute = (CLASSES.get(name) or CLASSES[name.partition('/')[0]]).partition(':')
    return getattr(import_module(module), attribute)


def _allowed(kind: type[Settings], prefix: str = '') -> Iterator[tuple[str, str]]:
    """Yield the key of each setting, with those of nested settings, and its allowed values."""
    hints = get_type_hints(kind)
    for entry in fields(kind):
        hint, key = hints[entry.name], f'{prefix}{entry.name}'
        nested = [
            part
            for part in (get_args(hint) if isinstance(hint, UnionType) else (hint,))
            if isinstance(part, type) and issubclass(part, Settings)
        ]
        for part in nested:
            yield from _allowed(part, f'{key}.')
        if not nested:
            yield key, f'{_words(hint)}{entry.metadata.get("range", "")}'


def _words(hint: Any) -> str:
    if isinstance(hint, UnionType):
        return ' or '.join(_words(part) for part in get_args(hint))
    if hint is NoneType:
        return '`null`'
    origin = get_origin(hint) or hint
    if origin is Literal:
        return ', '.join(code(str(each)) for each in get_args(hint))
    if origin is tuple:
        return f'list, each a {_words(get_args(hint)[0])}'
    return 'names with values' if origin is dict else _WORDS[origin]


def _comment(comments: dict[str, str], key: str) -> str:
    """Return the comment of a key, else that of the block it is in."""
    return comments.get(key) or comments.get(key.rpartition('.')[0], '')


def _flat(values: dict, prefix: str = '') -> Iterator[tuple[str, Any]]:
    """Yield each value with its key, nested ones joined by dots."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f'{prefix}{key}.')
        else:
            yield f'{prefix}{key}', value


def _top(text: str) -> str:
    """Return the comment that begins a file, up to the first empty line or key."""
    lines = []
    for line in text.splitlines():
        if not line.startswith('#'):
            break
        lines.append(line.lstrip('# '))
    return ' '.join(lines)


def _comments(text: str) -> Iterator[tuple[str, str]]:
    """Yield the key of each line and its comment: at its end, else on the lines above it."""
    above: list[str] = []
    path: list[tuple[int, str]] = []
    at_top = True
    for line in text.splitlines():
        if line.lstrip().startswith('#'):
            if not at_top:
                above.append(line.strip().lstrip('# '))
            continue
        at_top = False
        found = _LINE.match(line)
        if found:
            indent = len(found['indent'])
            path = [*(each for each in path if each[0] < indent), (indent, found['key'])]
            _, mark, comment = found['rest'].partition(' #')
            yield '.'.join(key for _, key in path), comment.strip() if mark else ' '.join(above)
        above = []
