# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""RealSense cameras: the SDK, and the node that publishes their images.

May import: parameters, ros.
"""
