# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Train a VLA on recorded episodes: ``python -m irevla_policy.training.train --help``."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
import sys

from accelerate import PartialState
import torch

from irevla_control.bags.joining import add_max_skew_s
from irevla_control.errors import ConfigError, IrevlaError
from irevla_policy.checkpoints.checkpoint import load_checkpoint
from irevla_policy.frames.bag_frames import load_frames
from irevla_policy.frames.dataset import Dataset, Mixture, split_by_episode
from irevla_policy.frames.frame_store import FrameStore
from irevla_policy.frames.views import reference_views
from irevla_policy.model.config import PolicyConfig, load_preset
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.vla import VLA
from irevla_policy.training.config import TrainConfig
from irevla_policy.training.relabelling import relabelled
from irevla_policy.training.stage0 import stage0_settings
from irevla_policy.training.trainer import CPU_ONLY, train

# Labels of further episodes where a policy acted, the default first.
LABELS = ('improved', 'executed')


def train_from_bags(
    roots: Sequence[Path],
    output: Path,
    config: TrainConfig,
    *,
    preset: PolicyConfig | None = None,
    init: Path | None = None,
    more: tuple[Sequence[Path], float] | None = None,
    labels: str = LABELS[0],
    checkpoint: Path | None = None,
    include_failures: bool = False,
    max_skew_s: float | None = None,
) -> dict:
    """Train on the episodes under ``roots``; after a kill, the same call goes on.

    Args:
        roots: folders of recorded episodes.
        output: folder for state and metrics.
        config: settings.
        preset: a new model (stage 0).
        init: checkpoint to go on from instead (stage 2).
        more: folders of further episodes and their share of each batch (equation 4).
        labels: of ``more`` where a policy acted: what ``init`` does there ('improved'), or what
            was executed ('executed'; always with ``preset``, which can do nothing yet).
        checkpoint: folder of the result; ``output/checkpoint`` when left out.
        include_failures: learn from failed episodes too.
        max_skew_s: how much older than an observation its images and state may be, in place of
            what the bags tell.

    Returns:
        `TrainResult` as a dict of plain data, with 'steps', 'episodes' and 'frames'.

    Raises:
        IrevlaError: whatever does not fit, with the remedy.
    """
    if (preset is None) == (init is None):
        raise ConfigError('give either a preset (a new model) or a checkpoint to go on from')
    # That of this process: where several train, each has a GPU of its own.
    device = PartialState(cpu=CPU_ONLY).device
    vla = load_checkpoint(init, device or 'cpu') if init else None
    policy = vla.config if vla else preset
    assert policy is not None
    if vla:
        try:
            policy.check_trainable()
        except ConfigError as error:
            raise ConfigError(f'checkpoint {init}: {error}') from error
    else:
        policy.check_new()

    def frames(folders: Sequence[Path]) -> FrameStore:
        # One process decodes; the others then find the frames ready.
        with PartialState(cpu=CPU_ONLY).main_process_first():
            return load_frames(
                folders, policy.cameras, policy.image_size, include_failures, max_skew_s=max_skew_s
            )

    store = frames(roots)
    training, validation = split_by_episode(
        store, config.validation_share, config.seed, config.task_weights, policy.head.chunk_size
    )
    source: Dataset | Mixture = training
    if more:
        folders, share = more
        if not 0 < share < 1:
            raise ConfigError(f'share {share} of each batch; it must lie between 0 and 1')
        new = frames(folders)
        if vla and labels == 'improved':
            new = relabelled(new, vla)
        added = Dataset(new, chunk_size=policy.head.chunk_size)
        source = Mixture([(training, 1 - share), (added, share)])
    if vla is None:
        torch.manual_seed(config.seed)
        vla = VLA(
            policy,
            Statistics.from_data(store.states, store.actions),
            instructions=source.instructions,
        )
    vla.views = reference_views(store, policy.cameras)
    result = train(
        vla,
        source,
        validation,
        config,
        output,
        checkpoint,
        stage0_settings(init, tell=False) if init else 'own',
    )
    return asdict(result) | {
        'checkpoint': str(result.checkpoint),
        'steps': config.steps,
        'episodes': len(store.recordings),
        'frames': len(store.states),
    }


def main(
    arguments: list[str] | None = None, prog: str = 'python -m irevla_policy.training.train'
) -> None:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(
        prog,
        description='Train a VLA on recorded episodes (stage 0; with --init and --more, stage 2). '
        'The same command again goes on after a kill.',
    )
    parser.add_argument(
        '--data',
        type=Path,
        nargs='+',
        required=True,
        metavar='DIR',
        help='folders of recorded episodes',
    )
    parser.add_argument('--more', type=Path, nargs='+', metavar='DIR', help='further episodes')
    parser.add_argument(
        '--more-share',
        type=float,
        default=0.5,
        metavar='SHARE',
        help='part of each batch from --more, 0 to 1 (default: %(default)s)',
    )
    parser.add_argument(
        '--labels',
        choices=LABELS,
        default=LABELS[0],
        help='of --more where a policy acted: what --init does there, or what was '
        'executed (default: %(default)s)',
    )
    start = parser.add_mutually_exclusive_group(required=True)
    start.add_argument('--preset', type=Path, help='a new model, described by this YAML file')
    start.add_argument('--init', type=Path, help='go on with the model of this checkpoint')
    parser.add_argument('--output', type=Path, required=True, help='folder to write to')
    parser.add_argument(
        '--config',
        type=Path,
        help='training settings (YAML); left out: built in, with --init those of stage 0',
    )
    parser.add_argument('--steps', type=int, help='instead of the number in --config')
    parser.add_argument('--seed', type=int, help='instead of the number in --config')
    parser.add_argument(
        '--include-failures', action='store_true', help='learn from failed episodes too'
    )
    add_max_skew_s(parser)
    options = parser.parse_args(arguments)
    config = TrainConfig.load(
        options.config,
        {'steps': options.steps, 'seed': options.seed},
        options.init and stage0_settings(options.init),
    )
    preset = options.preset and load_preset(options.preset)
    result = train_from_bags(
        options.data,
        options.output,
        config,
        preset=preset,
        init=options.init,
        more=options.more and (options.more, options.more_share),
        labels=options.labels,
        include_failures=options.include_failures,
        max_skew_s=options.max_skew_s,
    )
    if not PartialState().is_main_process:
        return
    print(
        f'{result["steps"]} steps on {result["frames"]} frames of {result["episodes"]} '
        f'episodes: loss {result["loss"]:.4f}, on held-out episodes '
        f'{result["validation_loss"]:.4f}; {result["samples_per_s"]:.0f} samples/s, '
        f'{100 * result["data_wait_share"]:.1f} % of the time waiting for data\n'
        f'policy in {result["checkpoint"]}'
    )


if __name__ == '__main__':
    try:
        main()
    except IrevlaError as error:
        sys.exit(f'train: {error}')
