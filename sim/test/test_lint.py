# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The package follows the style, and its manifest tells what it uses."""

from pathlib import Path

from irevla_control.testing import check_manifest, lint_problems

PACKAGE = Path(__file__).resolve().parents[1]


def test_sources_follow_the_style():
    assert lint_problems(PACKAGE) == ''


def test_manifest_tells_what_the_package_uses():
    assert check_manifest(PACKAGE) == ''
