# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The page of messages and services, from their definitions and comments."""

from collections.abc import Iterator
from pathlib import Path
import re

from reference.markdown import code, page, table

INTRODUCTION = (
    'The interfaces of the package `irevla_msgs`, from its `msg/` and `srv/` folders. Units are '
    'in brackets; constants follow the fields. Which node sends what: '
    '[topics and services](topics.md).'
)
_FIELD = re.compile(r'(?P<type>[\w/\[\]]+)\s+(?P<name>\w+)(\s*=\s*(?P<value>[^#\s]+))?')


def interface_page(package: Path) -> str:
    """Return the page of all interfaces of a package of messages."""
    files = [*sorted(package.glob('msg/*.msg')), *sorted(package.glob('srv/*.srv'))]
    return page('Messages and services', INTRODUCTION, map(_interface, files))


def _interface(file: Path) -> tuple[str, str]:
    """Return heading and text of one definition."""
    parts = file.read_text().split('\n---\n')
    titles = ['Request', 'Response'] if len(parts) == 2 else ['']
    text = f'`{file.parents[1].name}/{file.parent.name}/{file.stem}`: {_purpose(parts[0])}\n'
    for title, part in zip(titles, parts):
        text += f'\n**{title}**\n' if title else ''
        for head, rows in (
            ('field', [row for row in _entries(part) if not row[2]]),
            ('constant', [row for row in _entries(part) if row[2]]),
        ):
            if rows:
                text += '\n' + table(
                    [head, 'type', 'meaning'],
                    (
                        [code(f'{name} = {value}' if value else name), code(kind), comment]
                        for name, kind, value, comment in rows
                    ),
                )
    return file.stem, text


def _purpose(text: str) -> str:
    """Return the comment at the top of a definition."""
    lines = []
    for line in text.splitlines():
        if not line.startswith('#'):
            break
        lines.append(line.removeprefix('#').strip())
    return ' '.join(lines)


def _entries(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield name, type, value (of a constant, else '') and comment of each field."""
    for line in text.splitlines():
        definition, _, comment = line.partition('#')
        found = _FIELD.fullmatch(definition.strip())
        if found:
            yield found['name'], found['type'], found['value'] or '', comment.strip()
