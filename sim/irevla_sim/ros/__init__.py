# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What the operators' nodes of the simulated Panda share.

May import: irevla_control, irevla_control.ros.
"""
