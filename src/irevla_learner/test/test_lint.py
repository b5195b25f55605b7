# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The package follows the style, its import rules and its manifest."""

from pathlib import Path

from irevla_control.checks.durability import own_file_handling
from irevla_control.checks.manifest import check_manifest, lint_problems
from irevla_control.checks.structure import structure_problems

PACKAGE = Path(__file__).resolve().parents[1]


def test_sources_follow_the_style():
    assert lint_problems(PACKAGE) == ''


def test_folders_import_only_what_they_may():
    assert structure_problems(PACKAGE) == ''


def test_manifest_declares_what_the_package_uses():
    assert check_manifest(PACKAGE) == ''


def test_files_are_renamed_and_locked_by_the_shared_functions():
    assert own_file_handling(PACKAGE) == ''
