# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The success classifier learns visible success and reports it with high precision."""

from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

from irevla_control.checks.durability import durable_replaces
from irevla_control.episode import Observations
from irevla_control.errors import ConfigError
from irevla_learner.classifier.success_classifier import (
    DESCRIPTION,
    WEIGHTS,
    Debounce,
    Description,
    SuccessClassifier,
    load_classifier,
    save_classifier,
)
from irevla_learner.classifier.train import ENCODE_ROWS, encode
from irevla_learner.classifier.training import (
    ClassifierConfig,
    LabelledEpisode,
    choose_threshold,
    judge,
    roc,
    split,
    train_classifier,
)

CONFIG = Path(__file__).resolve().parents[4] / 'config'
QUICK = ClassifierConfig(steps=500, hidden=(16,), learning_rate=3e-3)


def episodes(count, seed=0, visible=1.0):
    """Return episodes, half successful; ``visible`` scales the sign of success in the latents."""
    random = np.random.default_rng(seed)
    made = []
    for number in range(count):
        success = np.zeros(12, bool)
        if number % 2:
            success[-3:] = True
        latents = random.standard_normal((12, 3, 8))
        latents[success, 1, :4] += 8 * visible
        made.append(
            LabelledEpisode(
                latents.astype(np.float16),
                random.standard_normal((12, 2)).astype(np.float32),
                success,
            )
        )
    return made


def test_each_observation_is_encoded_with_its_own_instruction():
    def encode_observation(images, states, instructions):
        # Like a VLM with one token per word, as many as the longest text of a batch has.
        tokens = max(len(text.split()) for text in instructions)
        latents = [
            [[float(number < len(text.split()))] for number in range(tokens)]
            for text in instructions
        ]
        return torch.tensor(latents).half(), torch.tensor(states)

    texts = ('open it',) * (ENCODE_ROWS + 3) + ('then close it',) * (ENCODE_ROWS + 3)
    vla = SimpleNamespace(
        config=SimpleNamespace(cameras=('front',), image_size=4),
        encode_observation=encode_observation,
    )
    count = len(texts)
    episode = encode(
        vla,
        Observations(
            'open_0',
            texts,
            np.arange(count),
            {'front': np.zeros((count, 4, 4, 3), np.uint8)},
            np.zeros((count, 10)),
            np.zeros(count, bool),
        ),
    )
    np.testing.assert_array_equal(
        episode.latents.sum((1, 2)), [len(text.split()) for text in texts]
    )


def test_a_classifier_learns_success_and_reports_its_scores():
    classifier, report = train_classifier(episodes(100), 'abc', QUICK, seed=0)
    assert report['auc'] > 0.95
    assert report['frames']['precision'] > 0.9 and report['frames']['recall'] > 0.5
    assert report['episodes']['precision'] == 1.0 and report['episodes']['recall'] > 0.6
    assert report['episodes']['count'] == 20
    again = judge(classifier, episodes(60, seed=1))
    assert again['auc'] > 0.95, 'on other episodes'


def test_scores_of_invisible_success_are_low():
    _, report = train_classifier(episodes(60, visible=0.0), 'abc', QUICK, seed=0)
    assert report['auc'] < 0.75


def test_whole_episodes_are_split_and_every_part_has_both_kinds():
    made = episodes(20)
    parts = split(made, seed=0)
    assert sorted(id(one) for part in parts for one in part) == sorted(map(id, made))
    assert [len(part) for part in parts] == [12, 4, 4]
    assert all(len({bool(one.success.any()) for one in part}) == 2 for part in parts)


def test_threshold_prefers_precision_to_recall():
    labels = np.array([True, True, False, True, False, False])
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    assert choose_threshold(scores, labels) == pytest.approx(0.75), 'recall 2/3, no false success'
    labels = np.array([True, False, True, True, True, False])
    assert choose_threshold(scores, labels) == pytest.approx(0.45), '4 true, 1 false'
    tied = np.array([0.9, 0.5, 0.5, 0.5])
    assert choose_threshold(tied, np.array([True, True, True, False])) == pytest.approx(0.25)


def test_roc_runs_from_zero_to_one():
    false, true = roc(np.array([0.9, 0.8, 0.8, 0.1]), np.array([True, True, False, False]))
    np.testing.assert_allclose(false, [0, 0, 0.5, 1])
    np.testing.assert_allclose(true, [0, 0.5, 1, 1])


def test_debounce_needs_successive_observations_and_then_stays_true():
    debounce = Debounce(0.5, 2)
    assert [debounce(value) for value in (0.9, 0.1, 0.6, 0.5, 0.0)] == [
        False,
        False,
        False,
        True,
        True,
    ]


def test_too_few_labels_are_refused():
    with pytest.raises(ConfigError, match='at least 10 successful and 10 failed'):
        train_classifier(episodes(20)[::2], 'abc', QUICK, seed=0)


def test_a_loaded_classifier_is_the_same_and_refuses_another_backbone(tmp_path):
    classifier = SuccessClassifier(Description('abc', 8, 2, (16,), 0.3, 2))
    with durable_replaces(tmp_path / WEIGHTS, tmp_path / DESCRIPTION):
        save_classifier(tmp_path, classifier)
    loaded = load_classifier(tmp_path, 'abc')
    assert loaded.description == classifier.description
    latents, states = torch.randn(4, 3, 8), torch.randn(4, 2)
    assert torch.equal(
        loaded.probability(latents, states), classifier.probability(latents, states)
    )
    with pytest.raises(ConfigError, match='this policy has'):
        load_classifier(tmp_path, 'def')
    save_classifier(tmp_path, SuccessClassifier(replace(classifier.description, hidden=(8,))))
    (tmp_path / 'classifier.json').write_text(
        (tmp_path / 'classifier.json').read_text().replace('"width": 8', '"width": 9')
    )
    with pytest.raises(ConfigError, match='train the classifier again'):
        load_classifier(tmp_path, 'abc')
    (tmp_path / 'classifier.json').write_text('{"format": 1')
    with pytest.raises(ConfigError, match='contains no success classifier'):
        load_classifier(tmp_path, 'abc')


@pytest.mark.parametrize(
    'changes, word',
    [
        ({'consecutive': 0}, 'consecutive'),
        ({'learning_rate': 1.5}, 'learning_rate'),
        ({'batch_size': 1}, 'batch_size'),
        ({'hidden': 'big'}, 'hidden'),
    ],
)
def test_a_wrong_setting_is_refused_by_name(changes, word):
    with pytest.raises(ConfigError, match=word):
        ClassifierConfig(**changes)


def test_the_shipped_settings_are_the_built_in_ones():
    values = yaml.safe_load((CONFIG / 'learning/classifier.yaml').read_text())
    assert ClassifierConfig(**values) == ClassifierConfig()
    assert list(values) == [one.name for one in fields(ClassifierConfig)]
