# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What every node shares. Only this folder and *_node.py files import rclpy and messages.

May import: nothing.
"""
