# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Small parts of Markdown pages."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; line breaks and bars in a cell are escaped."""
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(map(_cell, line))} |' for line in lines) + '\n'


def code(text: str) -> str:
    """Return a text as code within a line; an empty text stays empty."""
    if not text:
        return ''
    fence = '``' if '`' in text else '`'
    return f'{fence}{text}{fence}'


def block(text: str, language: str = 'text') -> str:
    """Return a text as a block of code."""
    return f'```{language}\n{text.rstrip()}\n```\n'


def page(title: str, introduction: str, sections: Iterable[tuple[str, str]]) -> str:
    """Return a page with a heading of level 2 for each section."""
    parts = [f'# {title}\n', f'{introduction}\n']
    parts += [f'## {heading}\n\n{text.strip()}\n' for heading, text in sections]
    return '\n'.join(parts)


def _cell(text: str) -> str:
    return ' '.join(text.split()).replace('|', '\\|')
