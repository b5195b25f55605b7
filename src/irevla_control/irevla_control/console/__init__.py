# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The page of a running graph: cameras, instruction, successes, latency; the choice of a task.

It uses topics only, neither policy nor learner.

May import: parameters, ros.
"""
