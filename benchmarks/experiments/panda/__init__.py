# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Parts of the experiment on the simulated Panda, `twin.py`."""
