# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests in subfolders import the modules beside this file."""

from irevla_policy.sources.optional_packages import hide_broken_torchvision

hide_broken_torchvision()
