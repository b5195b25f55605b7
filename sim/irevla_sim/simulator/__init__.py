# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What simulators share: tasks, episodes, demonstrations, their Gymnasium environment and nodes.

A simulator is found by name at run time; this folder imports none.

May import: irevla_control.ros.
"""
