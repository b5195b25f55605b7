# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Training of a success classifier on labelled observations, and its evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch

from irevla_control.errors import ConfigError
from irevla_learner.classifier.success_classifier import Description, SuccessClassifier
from irevla_policy.settings import Settings, setting


@dataclass(frozen=True)
class LabelledEpisode:
    """The observations of one episode, with the last, and their labels.

    Attributes:
        latents: float16 (T, m, d).
        states: float32 (T, p), normalised.
        success: bool (T,), whether the observation shows success.

    """

    latents: np.ndarray
    states: np.ndarray
    success: np.ndarray


@dataclass(frozen=True)
class ClassifierConfig(Settings):
    """Settings of the training; `config/learning/classifier.yaml` explains them."""

    what: ClassVar[str] = 'classifier settings'

    steps: int = setting(1500, least=1)
    batch_size: int = setting(64, least=2)
    learning_rate: float = setting(1e-3, least=0, most=1)
    weight_decay: float = setting(0.01, least=0)
    hidden: tuple[int, ...] = setting((64,), least=1)
    consecutive: int = setting(2, least=1)


def split(
    episodes: Sequence[LabelledEpisode], seed: int, shares: tuple[float, float] = (0.6, 0.2)
) -> list[list[LabelledEpisode]]:
    """Return episodes for training, for the choice of the threshold, and for the test.

    Whole episodes are split, since neighbouring frames are alike; each part has the same shares
    of successes and failures.
    """
    random = np.random.default_rng(seed)
    parts: list[list[LabelledEpisode]] = [[], [], []]
    for shows in (True, False):
        kind = [episode for episode in episodes if bool(episode.success.any()) == shows]
        order = random.permutation(len(kind))
        edges = np.rint(np.cumsum(shares) * len(kind)).astype(int)
        for part, chosen in zip(parts, np.split(order, edges)):
            part.extend(kind[index] for index in chosen)
    return parts


def train_classifier(
    episodes: Sequence[LabelledEpisode], backbone_hash: str, config: ClassifierConfig, seed: int
) -> tuple[SuccessClassifier, dict[str, Any]]:
    """Train on some of the episodes, choose the threshold on others, test on the rest.

    Returns:
        The classifier, and its report: `threshold`, `roc` (points of false and true positive
        rate), `auc`, and of frames and of whole episodes `precision`, `recall` and their counts.

    Raises:
        ConfigError: not enough successful or failed episodes.

    """
    training, validation, test = split(episodes, seed)
    for name, part in (('training', training), ('validation', validation), ('test', test)):
        frames = np.concatenate([episode.success for episode in part]) if part else np.empty(0)
        if not frames.any() or frames.all():
            raise ConfigError(
                f'{len(episodes)} labelled episodes leave {int(frames.sum())} '
                f'frames of success among {len(frames)} for {name}; record at '
                'least 10 successful and 10 failed episodes'
            )
    torch.manual_seed(seed)
    width, states = training[0].latents.shape[-1], training[0].states.shape[-1]
    classifier = SuccessClassifier(
        Description(
            backbone_hash, width, states, tuple(config.hidden), consecutive=config.consecutive
        )
    )
    _fit(classifier, training, config, seed)
    threshold = choose_threshold(*_scores(classifier, validation))
    classifier.description = replace(classifier.description, threshold=threshold)
    return classifier, judge(classifier, test)


def _fit(
    classifier: SuccessClassifier,
    episodes: Sequence[LabelledEpisode],
    config: ClassifierConfig,
    seed: int,
) -> None:
    latents = np.concatenate([episode.latents for episode in episodes])
    states = np.concatenate([episode.states for episode in episodes])
    labels = np.concatenate([episode.success for episode in episodes])
    kinds = np.flatnonzero(labels), np.flatnonzero(~labels)
    random = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(
        classifier.parameters(), config.learning_rate, weight_decay=config.weight_decay
    )
    classifier.train()
    for _ in range(config.steps):
        # Half of each label, since success is rare; the threshold is chosen on true shares.
        rows = np.concatenate(
            [kind[random.integers(len(kind), size=config.batch_size // 2)] for kind in kinds]
        )
        logits = classifier(torch.from_numpy(latents[rows]), torch.from_numpy(states[rows]))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, torch.from_numpy(labels[rows].astype(np.float32))
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    classifier.eval()


def _scores(
    classifier: SuccessClassifier, episodes: Sequence[LabelledEpisode]
) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities and labels of all frames."""
    scores = [
        classifier.probability(
            torch.from_numpy(episode.latents), torch.from_numpy(episode.states)
        ).numpy()
        for episode in episodes
    ]
    return np.concatenate(scores), np.concatenate([episode.success for episode in episodes])


def choose_threshold(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the threshold with the best F-score of beta 0.5.

    Precision counts more than recall: a false reward misleads the policy, a missed one only
    costs time.
    """
    order = np.argsort(-scores, kind='stable')
    sorted_scores, hits = scores[order], np.cumsum(labels[order])
    precision, recall = hits / np.arange(1, len(hits) + 1), hits / hits[-1]
    f_score = 1.25 * precision * recall / np.maximum(0.25 * precision + recall, 1e-9)
    last_of_value = np.append(sorted_scores[1:] != sorted_scores[:-1], True)
    best = int(np.argmax(np.where(last_of_value, f_score, -1)))
    # Half way to the next lower score, as a margin for new frames.
    below = sorted_scores[best + 1] if best + 1 < len(scores) else 0.0
    return float((sorted_scores[best] + below) / 2)


def roc(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return false and true positive rates of all thresholds, from (0, 0) to (1, 1)."""
    order = np.argsort(-scores, kind='stable')
    labels, scores = labels[order], scores[order]
    ends = np.append(np.flatnonzero(scores[1:] != scores[:-1]), len(scores) - 1)
    true, false = np.cumsum(labels)[ends], np.cumsum(~labels)[ends]
    return (
        np.concatenate([[0], false / max(false[-1], 1)]),
        np.concatenate([[0], true / max(true[-1], 1)]),
    )


def judge(classifier: SuccessClassifier, episodes: Sequence[LabelledEpisode]) -> dict[str, Any]:
    """Return the report of a classifier on test episodes."""
    description = classifier.description
    scores, labels = _scores(classifier, episodes)
    false, true = roc(scores, labels)
    reported, hits = 0, 0
    for episode in episodes:
        debounce = classifier.new_debounce()
        ends = [debounce(float(probability)) for probability in _scores(classifier, [episode])[0]]
        reported += debounce.success
        # The episode ends there, so a success that is reported too early is a false one.
        hits += debounce.success and bool(episode.success[ends.index(True)])
    positive = sum(bool(episode.success.any()) for episode in episodes)
    kept = np.unique(np.linspace(0, len(false) - 1, 200).astype(int))
    return {
        'threshold': description.threshold,
        'consecutive': description.consecutive,
        'auc': float(np.trapz(true, false)),
        'roc': [[float(false[index]), float(true[index])] for index in kept],
        'frames': _worth(
            int((labels & (scores >= description.threshold)).sum()),
            int((scores >= description.threshold).sum()),
            int(labels.sum()),
            len(labels),
        ),
        'episodes': _worth(hits, reported, positive, len(episodes)),
    }


def _worth(hits: int, reported: int, positive: int, count: int) -> dict[str, Any]:
    return {
        'precision': hits / reported if reported else None,
        'recall': hits / positive if positive else None,
        'positive': positive,
        'told': reported,
        'count': count,
    }
