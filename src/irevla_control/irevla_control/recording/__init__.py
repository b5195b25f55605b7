# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The recorder, which writes a bag per episode, and recovery after a kill.

May import: parameters, ros, bags.
"""
