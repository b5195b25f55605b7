# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The settings files with the paper's choices load, and differ from ours as the docs say."""

from pathlib import Path

import yaml

from irevla_learner.algorithm1.config import load_config
from irevla_learner.ppo.config import PPOConfig
from irevla_learner.sacfd.config import SACfDConfig

ROOT = Path(__file__).resolve().parents[4]


def test_algorithm_1_of_the_paper_differs_only_in_what_its_page_names():
    ours, paper = (
        load_config(ROOT / 'config' / name) for name in ('algorithm1.yaml', 'paper.yaml')
    )
    assert isinstance(paper.settings, PPOConfig)
    different = {name for name in vars(ours) if vars(ours)[name] != vars(paper)[name]}
    assert different == {'algorithm', 'settings', 'labels', 'successes'}
    page = (ROOT / 'docs/paper.md').read_text()
    assert all(f'`{name}' in page for name in different - {'settings'})


def test_sacfd_of_the_paper_differs_from_ours_in_each_setting_of_its_file():
    file = ROOT / 'config/learning/sacfd_paper.yaml'
    paper, ours = SACfDConfig.load(file), SACfDConfig()
    for name in yaml.safe_load(file.read_text()):
        assert getattr(paper, name) != getattr(ours, name), name
