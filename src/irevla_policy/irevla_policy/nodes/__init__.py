# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The `vla` node: a policy acts over ROS.

May import: model, checkpoints, irevla_control.cameras, irevla_control.parameters,
irevla_control.ros.
"""
