# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Train a success classifier on recorded episodes: ``python -m irevla_learner.classifier.train``.

Every observation with an `episode` message of its stamp is a labelled frame: the message has the
true success in simulation, and the operator's verdict on a robot.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
import sys
from typing import Any

import numpy as np
import torch

from irevla_control.bags.index import find_episodes, reason_against
from irevla_control.bags.joining import add_max_skew_s
from irevla_control.bags.reader import read_observations
from irevla_control.bags.usage import say, usage
from irevla_control.episode import Observations
from irevla_control.errors import ConfigError, IrevlaError, NothingJoinsError
from irevla_control.progress_bar import progress_bar
from irevla_learner.classifier.success_classifier import save_classifier
from irevla_learner.classifier.training import (
    ClassifierConfig,
    LabelledEpisode,
    train_classifier,
)
from irevla_learner.json_file import write_json
from irevla_learner.report import plots
from irevla_policy.checkpoints.checkpoint import load_frozen
from irevla_policy.frames.frame_store import episode_images
from irevla_policy.model.vla import VLA

# Number of observations in one pass of the VLM.
ENCODE_ROWS = 32


def labelled_episodes(
    vla: VLA, roots: Sequence[Path], max_skew_s: float | None = None
) -> Iterator[LabelledEpisode]:
    """Yield the recorded episodes under the roots, encoded by a frozen VLA; none aborted.

    One line on stderr says which episodes are used.

    Raises:
        ConfigError: there are none.
        BagError: a damaged episode.
    """
    recorded = find_episodes(roots)
    reasons = {
        folder: reason_against(entry.success, entry.aborted, failures=True)
        for folder, entry in recorded.episodes.items()
    }
    left_out = recorded.lost | {str(folder): why for folder, why in reasons.items() if why}
    encoded = 0
    for folder in progress_bar(
        [folder for folder, why in reasons.items() if not why], 'encoding', unit='episode'
    ):
        try:
            observations = read_observations(folder, vla.config.cameras, max_skew_s)
        except NothingJoinsError as error:
            left_out[str(folder)] = f'without a complete observation, {error.reason}'
            continue
        yield encode(vla, observations)
        encoded += 1
    used = usage(encoded, left_out, recorded.others)
    if not encoded:
        raise ConfigError(
            f'{", ".join(map(str, roots))}: no recorded episodes to learn from; {used}'
        )
    say(used)


def encode(vla: VLA, observations: Observations) -> LabelledEpisode:
    """Return an episode's observations as latents."""
    images = episode_images(observations, vla.config.cameras, vla.config.image_size)
    latents, states = [], []
    for start in range(0, len(images), ENCODE_ROWS):
        rows = slice(start, start + ENCODE_ROWS)
        latent, state = vla.encode_observation(
            images[rows], observations.states[rows], list(observations.instructions[rows])
        )
        latents.append(latent.cpu().numpy())
        states.append(state.cpu().numpy().astype(np.float32))
    return LabelledEpisode(
        np.concatenate(_padded(latents)), np.concatenate(states), observations.success
    )


def same_length(episodes: Sequence[LabelledEpisode]) -> list[LabelledEpisode]:
    """Pad latents with tokens of zeros to one length; they have no weight in the pooling."""
    return [
        replace(episode, latents=latents)
        for episode, latents in zip(episodes, _padded([episode.latents for episode in episodes]))
    ]


def _padded(latents: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return latents (N, m, d) with as many tokens m each as the longest has."""
    tokens = max(each.shape[1] for each in latents)
    return [np.pad(each, ((0, 0), (0, tokens - each.shape[1]), (0, 0))) for each in latents]


def train_from_bags(
    roots: Sequence[Path],
    policy: Path,
    output: Path,
    config: ClassifierConfig,
    seed: int = 0,
    max_skew_s: float | None = None,
) -> dict[str, Any]:
    """Train a classifier for a policy's latents; write it with report.json and roc.png.

    ``max_skew_s`` replaces the value in the bags.

    Raises:
        IrevlaError: an input is invalid; says the remedy.
    """
    vla = load_frozen(policy)
    episodes = same_length(list(labelled_episodes(vla, roots, max_skew_s)))
    classifier, report = train_classifier(episodes, vla.backbone_hash, config, seed)
    save_classifier(output, classifier)
    write_json(output / 'report.json', report)
    plots.save_png(plots.roc_chart(report), output / 'roc.png')
    return report


def main(
    arguments: list[str] | None = None, prog: str = 'python -m irevla_learner.classifier.train'
) -> None:
    """Train with the arguments of a command line."""
    parser = argparse.ArgumentParser(
        prog,
        description='Train a success classifier on recordings.',
    )
    parser.add_argument(
        '--data',
        type=Path,
        nargs='+',
        required=True,
        metavar='DIR',
        help='folders of recorded episodes, some successful and some failed',
    )
    parser.add_argument(
        '--policy', type=Path, required=True, help='checkpoint whose latents it reads'
    )
    parser.add_argument('--output', type=Path, required=True, help='folder of the classifier')
    parser.add_argument('--config', type=Path, help='YAML file; built-in settings without')
    parser.add_argument('--seed', type=int, default=0)
    add_max_skew_s(parser)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    config = ClassifierConfig.load(options.config)
    report = train_from_bags(
        options.data, options.policy, options.output, config, options.seed, options.max_skew_s
    )
    print(table(report))
    print(f'written: {options.output}')


def table(report: dict[str, Any]) -> str:
    """Return the measured quality of a classifier, as Markdown."""
    rows = [
        f'On test episodes: area under the ROC curve {report["auc"]:.3f}, threshold '
        f'{report["threshold"]:.3f}, {report["consecutive"]} observations in a row.',
        '',
        '| | precision | recall | show success | in all |',
        '|---|---|---|---|---|',
    ]
    for kind in ('frames', 'episodes'):
        found = report[kind]
        cells = [
            '–' if found[name] is None else f'{found[name]:.3f}'
            for name in ('precision', 'recall')
        ]
        rows.append(f'| {kind} | {" | ".join(cells)} | {found["positive"]} | {found["count"]} |')
    return '\n'.join(rows)


if __name__ == '__main__':
    try:
        main()
    except IrevlaError as error:
        sys.exit(f'train_classifier: {error}')
