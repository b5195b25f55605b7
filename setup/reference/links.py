# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Links of the pages: those that leave docs/ are rewritten for the site, all are checked."""

from collections.abc import Callable, Iterable, Iterator
import os
from pathlib import Path
import re
import unicodedata

# An image or a link of Markdown, with its target.
_LINK = re.compile(r'(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)')
_FENCED = re.compile(r'^```.*?^```$', re.M | re.S)
_CODE = re.compile(r'(`+)(?!`).*?(?<!`)\1(?!`)', re.S)
_HEADING = re.compile(r'^#{1,6} (.*?) *$', re.M)
_OUTSIDE = ('http://', 'https://', 'mailto:')


def links(text: str) -> Iterator[tuple[str, str]]:
    """Yield text and target of each link and image of a page, outside code."""
    for found in _LINK.finditer(_without_code(text)):
        yield found['text'], found['target']


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, where GitHub and the site agree on them."""
    headings = _HEADING.findall(_FENCED.sub('', text))
    return {_github(one) for one in headings} & {_site(one) for one in headings}


def for_site(text: str, page: str, pages: dict[str, str]) -> str:
    """Return a page of the repository with links for the site.

    Args:
        text: of the page.
        page: path of its file in the repository.
        pages: page of the site for a path in the repository, which may have an anchor.

    A link to a file that the site does not have becomes its path.
    """
    place = Path(pages[page]).parent

    def rewritten(found: re.Match[str]) -> str:
        target, _, anchor = found['target'].partition('#')
        if found['target'].startswith(_OUTSIDE) or not target:
            return found[0]
        path = os.path.normpath(Path(page).parent / target)
        if path not in pages:
            return found['text'] if found['text'].startswith('`') else f'`{path}`'
        to, _, of_file = pages[path].partition('#')
        to, anchor = os.path.relpath(to, place), anchor or of_file
        return f'{found["image"]}[{found["text"]}]({to}{"#" if anchor else ""}{anchor})'

    return _outside_code(text, rewritten)


def broken(files: Iterable[Path]) -> Iterator[str]:
    """Yield a line for each link of some pages without a target."""
    texts = {file: file.read_text() for file in files}
    for file, text in texts.items():
        for _, link in links(text):
            if link.startswith(_OUTSIDE):
                continue
            target, _, anchor = link.partition('#')
            to = Path(os.path.normpath(file.parent / target)) if target else file
            if not to.exists():
                yield f'{file}: {link}: there is no such file'
            elif anchor and anchor not in anchors(texts.get(to) or to.read_text()):
                yield f'{file}: {link}: there is no such heading'


def _github(heading: str) -> str:
    return re.sub(r'[^\w\- ]', '', _plain(heading)).lower().replace(' ', '-')


def _site(heading: str) -> str:
    text = unicodedata.normalize('NFKD', _plain(heading)).encode('ascii', 'ignore').decode()
    return re.sub(r'[-\s]+', '-', re.sub(r'[^\w\s-]', '', text).strip().lower())


def _plain(heading: str) -> str:
    """Return a heading's text without links and marks."""
    return re.sub(r'[`*]', '', _LINK.sub(lambda found: found['text'], heading))


def _without_code(text: str) -> str:
    return _CODE.sub('', _FENCED.sub('', text))


def _outside_code(text: str, rewritten: Callable[[re.Match[str]], str]) -> str:
    """Return a text whose links are rewritten, except in blocks of code."""
    parts, at = [], 0
    for found in _FENCED.finditer(text):
        parts += [_LINK.sub(rewritten, text[at : found.start()]), found[0]]
        at = found.end()
    return ''.join([*parts, _LINK.sub(rewritten, text[at:])])
