# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks that the tests of every package share: style, manifest, imports of folders.

May import: nothing.
"""
