# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The shipped policy is as good as its card says."""

import json
from math import ceil
from pathlib import Path

import pytest

from irevla_bringup.demo import CONFIG, load_demo_config
from irevla_bringup.play.policy import EPISODES, MAX_BYTES, card, evaluate
from irevla_bringup.play.shipped import CARD, CHECKPOINT, SCORES

POLICY = Path(__file__).resolve().parents[2] / 'policy'
# One task with demonstrations, and the one that was learned online.
PLAYED = {'drawer-close': 10, 'door-open-new': 10}


@pytest.fixture(scope='module')
def scores():
    return json.loads((POLICY / SCORES).read_text())


@pytest.fixture(scope='module')
def config():
    return load_demo_config(CONFIG / 'demo.yaml').algorithm1


def test_card_is_made_from_the_scores(scores, config):
    assert (POLICY / CARD).read_text() == card(scores, config)
    assert all(task['episodes'] >= EPISODES for task in scores['tasks'].values())
    # No run trains on the layouts of the card, and none is evaluated on them.
    assert scores['first_layout'] >= config.evaluation_seed + 100_000


def test_policy_is_small_enough_for_a_repository():
    files = [file for file in POLICY.rglob('*') if file.is_file()]
    assert sum(file.stat().st_size for file in files) < MAX_BYTES


def test_twenty_episodes_succeed_as_often_as_the_card_says(scores, config):
    results = evaluate(POLICY / CHECKPOINT, config, PLAYED)
    assert len(results) == sum(PLAYED.values())
    low = sum(scores['tasks'][task]['interval'][0] * count for task, count in PLAYED.items())
    high = sum(scores['tasks'][task]['interval'][1] * count for task, count in PLAYED.items())
    # Of 20 episodes 20 are as good as a card with an upper end above 19 says.
    assert low <= sum(result.success for result in results) <= ceil(high), results
