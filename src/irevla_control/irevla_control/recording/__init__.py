# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The recorder: messages into one bag per episode, which a kill or a full disk cannot spoil.

May import: ros, bags.
"""
