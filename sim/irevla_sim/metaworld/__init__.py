# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Meta-World's tasks and variants with the robot's interface, and their scripted expert.

May import: irevla_control.ros, drawing.
"""
