# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Property tests without deadlines: a busy machine is no defect."""

from hypothesis import settings

settings.register_profile('irevla', deadline=None)
settings.load_profile('irevla')
