# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The nodes beside the policy start fast, because they import neither VLM nor plots."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize('node', ['learner_node', 'reward_node'])
def test_neither_vlm_nor_plots_are_imported(node):
    subprocess.run(
        [
            sys.executable,
            '-c',
            f'import sys, irevla_learner.nodes.{node}; '
            'assert not {"transformers", "matplotlib"} & set(sys.modules)',
        ],
        check=True,
    )
