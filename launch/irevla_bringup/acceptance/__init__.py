# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The first day on a real arm: ten checks at low speed, each confirmed by a person.

May import: nothing.
"""
