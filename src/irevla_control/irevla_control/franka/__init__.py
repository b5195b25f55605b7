# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The Franka arm and its hand through franky: the control loop, and the node.

May import: arm, parameters, ros.
"""
