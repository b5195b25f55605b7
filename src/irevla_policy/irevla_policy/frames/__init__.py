# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""From recorded episodes to training batches.

May import: irevla_control.bags, irevla_control.cameras, irevla_control.lerobot.
"""
