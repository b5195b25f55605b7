# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The site of `make docs`: its pages, links and navigation."""

from importlib import import_module
from pathlib import Path
import pydoc
import re
import sys
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = [
    *(ROOT / name for name in ('README.md', 'CONTRIBUTING.md', 'CHANGELOG.md')),
    *sorted((ROOT / 'docs').glob('*.md')),
]


@pytest.fixture(scope='module', autouse=True)
def generator():
    """Put the generator on the path; it belongs to no package."""
    sys.path.append(str(ROOT / 'setup'))
    yield
    sys.path.remove(str(ROOT / 'setup'))


@pytest.fixture(scope='module')
def site(tmp_path_factory, generator):
    folder = tmp_path_factory.mktemp('site') / 'pages'
    import_module('reference.pages').write_pages(folder)
    return folder


def test_links_lead_somewhere_in_the_repository_and_on_the_site(site):
    broken = import_module('reference.links').broken
    assert [] == list(broken(PAGES))
    assert [] == list(broken(site.rglob('*.md')))


def test_every_page_is_in_the_navigation_of_the_site(site):
    problems = import_module('docs').outside_navigation
    assert [] == list(problems(site, ROOT / 'mkdocs.yml'))
    (site / 'forgotten.md').write_text('# Forgotten\n')
    (found,) = problems(site, ROOT / 'mkdocs.yml')
    (site / 'forgotten.md').unlink()
    assert 'forgotten.md is not in the navigation' in found


def test_styles_and_the_picture_of_the_stages_are_on_the_site(site):
    config = (ROOT / 'mkdocs.yml').read_text()
    (styles,) = re.findall(r'^extra_css:\n((?:  - \S+\n)+)', config, re.M)
    for style in re.findall(r'- (\S+)', styles):
        assert (site / style).is_file(), style
    assert '](images/stages.svg)' in (site / 'index.md').read_text()
    assert '](docs/images/stages.svg)' in (ROOT / 'README.md').read_text()
    picture = ElementTree.parse(site / 'images/stages.svg').getroot()
    assert picture.get('viewBox') and len(picture.findall('.//{*}text')) > 20


def test_a_link_to_nothing_is_found(tmp_path):
    broken = import_module('reference.links').broken
    page = tmp_path / 'page.md'
    page.write_text(
        '# One `two`, three\n[good](#one-two-three) [no](other.md) [no](#four)\n'
        '![no](picture.png) `[code](gone.md)` [out](https://example.org)\n'
        '```\n[code](gone.md)\n```\n'
    )
    assert [line.split(': ')[1] for line in broken([page])] == [
        'other.md',
        '#four',
        'picture.png',
    ]


def test_links_that_leave_the_docs_lead_to_the_site_or_become_a_path():
    rewritten = import_module('reference.links').for_site
    pages = {'docs/a.md': 'a.md', 'config/vla.yaml': 'reference/parameters.md#vla'}
    text = '[p](../config/vla.yaml) [code](../src/x.py) [a](a.md#b)\n```\n[q](../src/x.py)\n```'
    assert rewritten(text, 'docs/a.md', pages) == (
        '[p](reference/parameters.md#vla) `src/x.py` [a](a.md#b)\n```\n[q](../src/x.py)\n```'
    )


def test_the_reference_has_what_the_sources_have(site):
    reference = {file.stem: file.read_text() for file in (site / 'reference').glob('*.md')}
    for page, words in {
        'messages': ['## EndEffectorCommand', '| `gripper` | `float64` | wanted opening', 'BUSY'],
        'topics': [
            '## franka\n',
            '| serves | `go_home` | `GoHome` |',
            '| publishes | `camera/<name>/image_raw` | `Image` | OBSERVATION |',
            '| `EVENT` | reliable | transient local | 10 |',
        ],
        'launch': ['## stage1.launch.py', '| `checkpoint` | **needed** |', '`lock_step`'],
        'parameters': ['## spacemouse', '| `max_lead` |', '[Hz]'],
        'settings': ['## config/learning/sacfd.yaml', 'whole number of 1 or more', 'n of the n-'],
        'commands': [
            '## python -m irevla_policy.training.train',
            '--more-share',
            '## irevla doctor',
        ],
    }.items():
        assert [] == [word for word in words if word not in reference[page]], page
    assert 'improve.launch.py' not in reference['launch']
    nodes = {
        file.stem
        for top in ('src', 'sim')
        for file in (ROOT / top).rglob('*_node.py')
        if 'test' not in file.parts
    }
    assert len(re.findall(r'^## ', reference['topics'], re.M)) == len(nodes)


def test_every_setting_is_explained_on_the_page_of_the_settings(site):
    text = (site / 'reference/settings.md').read_text()
    rows = re.findall(r'^\| `([\w.]+)` \|.*\| ([^|]*) \|$', text.partition('paper.yaml')[0], re.M)
    assert len(rows) > 60
    assert [] == [name for name, meaning in rows if not meaning.strip()]


def test_names_of_the_python_api_exist():
    for names in import_module('reference.api').API.values():
        for name in names:
            assert pydoc.locate(name), name


def test_names_in_the_examples_are_in_the_python_api():
    listed = [name for names in import_module('reference.api').API.values() for name in names]
    text = (ROOT / 'docs/python.md').read_text()
    used = [
        f'{module}.{name.strip()}'
        for module, names in re.findall(r'^from (irevla_[\w.]+) import (.*)$', text, re.M)
        for name in names.split(',')
    ]
    assert len(used) > 10
    assert [] == [name for name in used if not {name, name.rpartition('.')[0]} & {*listed}]


def test_the_architecture_is_short():
    words = (ROOT / 'docs/architecture.md').read_text().split()
    assert len(words) < 1500, 'move details to docs/design-notes.md'


def test_every_package_of_the_site_is_in_the_lock_file():
    lock = (ROOT / 'setup/docs.lock').read_text()
    for line in (ROOT / 'setup/docs.in').read_text().splitlines():
        assert not line or line.startswith('#') or f'\n{line} \\\n' in lock, line


@pytest.mark.parametrize(
    'page, loads',
    [
        ('<a href="https://example.org">out</a><script src=assets/a.js></script>', False),
        ('<script async src="https://example.org/a.js"></script>', True),
        ('<link rel="stylesheet" href="https://example.org/font.css">', True),
        ('<link rel="canonical" href="https://example.org/">', False),
        ('<img alt="" src="//example.org/a.png">', True),
        ('<pre class="mermaid">', True),
    ],
)
def test_a_page_that_loads_from_elsewhere_is_found(page, loads, tmp_path):
    (tmp_path / 'page.html').write_text(page)
    assert bool(list(import_module('docs').loaded_from_elsewhere(tmp_path))) is loads


def test_without_a_new_python_one_line_names_the_remedy(monkeypatch):
    docs = import_module('docs')
    monkeypatch.setattr(docs, 'OLDEST', (3, 99))
    with pytest.raises(SystemExit, match=r'^docs: Python 3\.99 or newer with venv .* install'):
        docs.find_python()
