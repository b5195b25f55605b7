# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The modules beside this file may be imported by tests in its folders."""

from irevla_policy.sources.optional_packages import hide_broken_torchvision

hide_broken_torchvision()
