# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of a lab's machine: each is a function that reads, and returns a `Result`.

Files of the system are read below a folder ``root``, '/' except in tests. No check needs root's
rights, and none changes anything.

May import: nothing.
"""
