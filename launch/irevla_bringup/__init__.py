# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Launch files, configuration and the demonstration of the suite."""
