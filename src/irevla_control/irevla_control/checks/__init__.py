# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks shared by the tests of all packages: style, manifest, imports of folders.

May import: nothing.
"""
