# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Training of a success classifier on labelled observations, and what it is worth."""

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
    """The observations of one episode, the last included, and which of them show success.

    Attributes:
        latents: float16 (T, m, d).
        states: float32 (T, p), normalised.
        success: bool (T,).

    """

    latents: np.ndarray
    states: np.ndarray
    success: np.ndarray


@dataclass(frozen=True)
class ClassifierConfig(Settings):
    """How a classifier is trained; `config/learning/classifier.yaml` explains each setting."""

    what: ClassVar[str] = 'classifier settings'

    steps: int = setting(1500, least=1)
    batch_size: int = setting(64, least=2)
    learning_rate: float = setting(1e-3, least=0, most=1)
    weight_decay: float = setting(0.01, least=0)
    hidden: tuple[int, ...] = setting((64,), least=1)
    consecutive: int = setting(2, least=1)


def split(episodes: Sequence[LabelledEpisode], seed: int,
          shares: tuple[float, float] = (0.6, 0.2)) -> list[list[LabelledEpisode]]:
    """Return episodes to learn from, to choose the threshold on, and to judge by.

    Whole episodes, so that no neighbour of a frame learned from is judged; successes and
    failures in the same shares.
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


def train_classifier(episodes: Sequence[LabelledEpisode], backbone_hash: str,
                     config: ClassifierConfig, seed: int
                     ) -> tuple[SuccessClassifier, dict[str, Any]]:
    """Train on some of the episodes, choose the threshold on others, judge by the rest.

    Returns:
        The classifier, and its report: `threshold`, `roc` (points of false and true positive
        rate), `auc`, and of frames and of whole episodes `precision`, `recall` and their counts.

    Raises:
        ConfigError: not enough episodes that show success, or that do not.

    """
    training, validation, test = split(episodes, seed)
    for name, part in (('training', training), ('validation', validation), ('test', test)):
        frames = np.concatenate([episode.success for episode in part]) if part else np.empty(0)
        if not frames.any() or frames.all():
            raise ConfigError(f'{len(episodes)} labelled episodes leave {int(frames.sum())} '
                              f'frames of success among {len(frames)} for {name}; record at '
                              'least 10 episodes that succeed and 10 that do not')
    torch.manual_seed(seed)
    width, states = training[0].latents.shape[-1], training[0].states.shape[-1]
    classifier = SuccessClassifier(Description(
        backbone_hash, width, states, tuple(config.hidden), consecutive=config.consecutive))
    _fit(classifier, training, config, seed)
    threshold = choose_threshold(*_scores(classifier, validation))
    classifier.description = replace(classifier.description, threshold=threshold)
    return classifier, judge(classifier, test)


def _fit(classifier: SuccessClassifier, episodes: Sequence[LabelledEpisode],
         config: ClassifierConfig, seed: int) -> None:
    latents = np.concatenate([episode.latents for episode in episodes])
    states = np.concatenate([episode.states for episode in episodes])
    labels = np.concatenate([episode.success for episode in episodes])
    kinds = np.flatnonzero(labels), np.flatnonzero(~labels)
    random = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(classifier.parameters(), config.learning_rate,
                                  weight_decay=config.weight_decay)
    classifier.train()
    for _ in range(config.steps):
        # Half of each kind: success is rare. The threshold is chosen on the true shares.
        rows = np.concatenate([kind[random.integers(len(kind), size=config.batch_size // 2)]
                               for kind in kinds])
        logits = classifier(torch.from_numpy(latents[rows]), torch.from_numpy(states[rows]))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, torch.from_numpy(labels[rows].astype(np.float32)))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    classifier.eval()


def _scores(classifier: SuccessClassifier,
            episodes: Sequence[LabelledEpisode]) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities and labels of all frames."""
    scores = [classifier.probability(torch.from_numpy(episode.latents),
                                     torch.from_numpy(episode.states)).numpy()
              for episode in episodes]
    return np.concatenate(scores), np.concatenate([episode.success for episode in episodes])


def choose_threshold(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the threshold with the best F-score of beta 0.5.

    A reward for nothing teaches nonsense, a missed one only costs time: precision counts more.
    """
    order = np.argsort(-scores, kind='stable')
    sorted_scores, hits = scores[order], np.cumsum(labels[order])
    precision, recall = hits / np.arange(1, len(hits) + 1), hits / hits[-1]
    f_score = 1.25 * precision * recall / np.maximum(0.25 * precision + recall, 1e-9)
    last_of_value = np.append(sorted_scores[1:] != sorted_scores[:-1], True)
    best = int(np.argmax(np.where(last_of_value, f_score, -1)))
    # Half way to the next lower score: new frames score a little differently.
    below = sorted_scores[best + 1] if best + 1 < len(scores) else 0.0
    return float((sorted_scores[best] + below) / 2)


def roc(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return false and true positive rates of all thresholds, from (0, 0) to (1, 1)."""
    order = np.argsort(-scores, kind='stable')
    labels, scores = labels[order], scores[order]
    ends = np.append(np.flatnonzero(scores[1:] != scores[:-1]), len(scores) - 1)
    true, false = np.cumsum(labels)[ends], np.cumsum(~labels)[ends]
    return (np.concatenate([[0], false / max(false[-1], 1)]),
            np.concatenate([[0], true / max(true[-1], 1)]))


def judge(classifier: SuccessClassifier, episodes: Sequence[LabelledEpisode]) -> dict[str, Any]:
    """Return what the classifier is worth on episodes that nothing was chosen on."""
    description = classifier.description
    scores, labels = _scores(classifier, episodes)
    false, true = roc(scores, labels)
    told, hits = 0, 0
    for episode in episodes:
        debounce = classifier.new_debounce()
        ends = [debounce(float(probability)) for probability in _scores(classifier, [episode])[0]]
        told += debounce.success
        # There the episode would have ended: too early is as wrong as in a failed one.
        hits += debounce.success and bool(episode.success[ends.index(True)])
    positive = sum(bool(episode.success.any()) for episode in episodes)
    kept = np.unique(np.linspace(0, len(false) - 1, 200).astype(int))
    return {'threshold': description.threshold, 'consecutive': description.consecutive,
            'auc': float(np.trapz(true, false)),
            'roc': [[float(false[index]), float(true[index])] for index in kept],
            'frames': _worth(int((labels & (scores >= description.threshold)).sum()),
                             int((scores >= description.threshold).sum()), int(labels.sum()),
                             len(labels)),
            'episodes': _worth(hits, told, positive, len(episodes))}


def _worth(hits: int, told: int, positive: int, count: int) -> dict[str, Any]:
    return {'precision': hits / told if told else None,
            'recall': hits / positive if positive else None,
            'positive': positive, 'told': told, 'count': count}
