# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Build the site of docs/ into .docs/site: `make docs`.

zensical runs in an environment of its own, .docs/venv, with the versions of docs.lock; a second
run installs nothing. It needs Python 3.11 or newer and the packages of the suite, whose parsers,
parameters and launch files become the pages of the reference.
"""

from collections.abc import Iterator
import hashlib
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys

from reference.links import broken
from reference.pages import navigation, write_pages

SETUP = Path(__file__).resolve().parent
ROOT = SETUP.parent
VENV, PAGES, SITE = (ROOT / '.docs' / name for name in ('venv', 'pages', 'site'))
LOCK = SETUP / 'docs.lock'
OLDEST = (3, 11)
# Files that a page loads by itself; links that a reader follows are none.
_LOADED = re.compile(
    r'<(?:script|img|iframe|source|video)\b[^>]*\bsrc="?(https?:)?//[^>]*>|'
    r'<link\b(?![^>]*rel="?(?:canonical|prev|next|alternate))[^>]*\bhref="?(https?:)?//[^>]*>|'
    # The theme fetches these libraries when a page has such a part.
    r'class="(?:mermaid|glightbox)"',
    re.I,
)
_IN_CSS = re.compile(r'(?:@import|url\()\s*["\']?(?:https?:)?//[^\s)]*', re.I)


def main() -> None:
    """Install the environment, write the pages, build and check the site."""
    install(find_python())
    write_pages(PAGES)
    pages = sorted(PAGES.rglob('*.md'))
    problems = [*broken(pages), *outside_navigation(PAGES, ROOT / 'mkdocs.yml')]
    if not problems:
        build()
        problems = list(loaded_from_elsewhere(SITE))
    if problems:
        sys.exit('\n'.join(f'docs: {problem}' for problem in problems))
    print(f'docs: {SITE / "index.html"}')


def find_python() -> str:
    """Return the first Python that is new enough; end the program without one."""
    for name in (sys.executable, 'python3.12', 'python3.11', 'python3.13'):
        python = shutil.which(name)
        code = f'import ensurepip, sys, venv; sys.exit(sys.version_info < {OLDEST})'
        if python and not subprocess.run([python, '-c', code], capture_output=True).returncode:
            return python
    wanted = '.'.join(map(str, OLDEST))
    sys.exit(
        f'docs: Python {wanted} or newer with venv is needed by zensical, and none was found; '
        f'install python{wanted} and python{wanted}-venv'
    )


def install(python: str) -> None:
    """Install the packages of the lock, unless they are."""
    stamp = VENV / '.installed'
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    _run([python, '-m', 'venv', VENV])
    pip = ['-m', 'pip', '--disable-pip-version-check', 'install', '-qq', '--no-deps']
    _run([VENV / 'bin/python', *pip, '--require-hashes', '-r', LOCK])
    # colcon must not search this folder for packages.
    (VENV.parent / 'COLCON_IGNORE').touch()
    stamp.write_text(wanted)


def build() -> None:
    """Build the site from the pages; a warning is an error."""
    shutil.rmtree(SITE, ignore_errors=True)
    _run([VENV / 'bin/zensical', 'build', '--clean', '--strict'])


def outside_navigation(pages: Path, config: Path) -> Iterator[str]:
    """Yield a line for each page that the navigation lacks, and for each that does not exist."""
    listed = set(navigation(config))
    there = {str(file.relative_to(pages)) for file in pages.rglob('*.md')}
    for page in sorted(there - listed):
        yield f'{page} is not in the navigation; add it to nav in {config.name}'
    for page in sorted(listed - there):
        yield f'{config.name}: nav names {page}, which does not exist'


def loaded_from_elsewhere(site: Path) -> Iterator[str]:
    """Yield a line for each file that a page of the site loads from another server."""
    for kind, pattern in (('html', _LOADED), ('css', _IN_CSS)):
        for file in sorted(site.rglob(f'*.{kind}')):
            for found in pattern.finditer(file.read_text(errors='replace')):
                yield f'{file.relative_to(site)} loads {found[0]}'


def _run(command: list[str | Path]) -> None:
    # Packages of a sourced ROS would come before those of the lock.
    clean = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
    if subprocess.run(command, env=clean, cwd=ROOT).returncode:
        sys.exit(f'docs: this command failed: {" ".join(map(str, command))}')


if __name__ == '__main__':
    main()
