# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Commands of a person: the SpaceMouse, and the replay of a recorded episode.

May import: ros, bags.
"""
