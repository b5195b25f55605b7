# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests in subfolders import the modules beside this file."""
