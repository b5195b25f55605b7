# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The nodes beside the policy start fast, because they import neither VLM nor plots."""

import os
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


def test_the_policy_package_sets_openmp_before_torch_starts_it():
    """A module of this package may import torch before anything of irevla_policy."""
    subprocess.run(
        [
            sys.executable,
            '-c',
            'import os, sys, irevla_learner; '
            'assert "torch" not in sys.modules and os.environ["GOMP_SPINCOUNT"] == "1000"',
        ],
        env={
            name: value
            for name, value in os.environ.items()
            if name not in ('GOMP_SPINCOUNT', 'OMP_WAIT_POLICY')
        },
        check=True,
    )
