# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""All packages have the changelog's version; pre-commit and CI run make lint and make test."""

import importlib.metadata
from pathlib import Path
import re
from xml.etree import ElementTree

import yaml

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = [
    ElementTree.parse(file).getroot()
    for top in ('src', 'sim', 'launch')
    for file in (ROOT / top).rglob('package.xml')
]


def test_all_packages_have_the_version_of_the_newest_entry_of_the_changelog():
    assert len(MANIFESTS) == 6
    newest = re.search(r'^## ([\d.]+)', (ROOT / 'CHANGELOG.md').read_text(), re.M)[1]
    assert {manifest.findtext('version') for manifest in MANIFESTS} == {newest}


def test_every_library_that_a_package_requires_is_locked():
    locked = set(
        re.findall(r'^([a-z0-9-]+)==', (ROOT / 'setup/requirements.lock').read_text(), re.M)
    )
    required = {
        re.split('[^a-z0-9-]', each)[0]
        for manifest in MANIFESTS
        if manifest.findtext('export/build_type') == 'ament_python'
        for each in importlib.metadata.requires(manifest.findtext('name'))
    }
    assert {'numpy', 'torch', 'pytest'} <= required
    assert required - locked == set()


def test_pre_commit_runs_make_lint_and_fetches_nothing():
    (repository,) = yaml.safe_load((ROOT / '.pre-commit-config.yaml').read_text())['repos']
    (hook,) = repository['hooks']
    assert repository['repo'] == 'local' and hook['language'] == 'system'
    assert hook['entry'] == 'make lint' and hook['pass_filenames'] is False


def test_the_hosted_workflow_runs_make_test():
    workflow = yaml.safe_load((ROOT / '.github/workflows/test.yml').read_text())
    (job,) = workflow['jobs'].values()
    assert job['steps'][-1]['run'] == 'make test'
    for step in job['steps']:
        assert 'uses' not in step or re.fullmatch(r'actions/[\w-]+@[0-9a-f]{40}', step['uses'])
