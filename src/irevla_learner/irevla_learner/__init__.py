# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1, Algorithm 1 and reports; directly here, what their folders share.

May import: irevla_control, irevla_policy.
"""

# Sets how threads wait, which has no effect once torch is imported.
import irevla_policy  # noqa: F401
