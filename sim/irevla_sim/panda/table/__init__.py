# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The simulated Panda's table: its objects, tasks, layouts and scripted experts.

May import: irevla_control, irevla_control.arm.
"""
