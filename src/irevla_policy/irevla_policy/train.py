# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Train a VLA on recorded episodes: ``python -m irevla_policy.train --help``."""

import argparse
from pathlib import Path
import sys

from accelerate import PartialState
import torch

from irevla_control.errors import ConfigError, IrevlaError
from irevla_policy.bag_frames import load_frames
from irevla_policy.checkpoint import load_checkpoint
from irevla_policy.config import load_preset
from irevla_policy.dataset import Dataset, Mixture, split_by_episode
from irevla_policy.statistics import Statistics
from irevla_policy.training import TrainResult, train
from irevla_policy.training_config import TrainConfig
from irevla_policy.vla import VLA


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        'python -m irevla_policy.train', description='Train a VLA on recorded episodes (stage 0; '
        'with --init and --also, stage 2). The same command again goes on after a kill.')
    parser.add_argument('--data', type=Path, required=True, help='folder of recorded episodes')
    parser.add_argument('--also', nargs=2, metavar=('DIR', 'SHARE'),
                        help='more episodes, and their share of each batch (0 to 1)')
    start = parser.add_mutually_exclusive_group(required=True)
    start.add_argument('--preset', type=Path, help='a new model, described by this YAML file')
    start.add_argument('--init', type=Path, help='go on with the model of this checkpoint')
    parser.add_argument('--output', type=Path, required=True, help='folder to write to')
    parser.add_argument('--config', type=Path, help='training settings (YAML); default: built in')
    parser.add_argument('--steps', type=int, help='instead of the number in --config')
    parser.add_argument('--seed', type=int, help='instead of the number in --config')
    parser.add_argument('--all-episodes', action='store_true',
                        help='learn from failed episodes too')
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> TrainResult:
    """Train as the command line says."""
    options = parse(arguments)
    overrides = {'steps': options.steps, 'seed': options.seed}
    config = (TrainConfig.load(options.config, overrides) if options.config
              else TrainConfig(**{key: value for key, value in overrides.items()
                                  if value is not None}))
    vla = load_checkpoint(options.init) if options.init else None
    policy = vla.config if vla else load_preset(options.preset)

    def frames(folder: Path) -> Dataset:
        # One process decodes, the others then find the frames ready.
        with PartialState().main_process_first():
            return load_frames(folder, policy.cameras, policy.image_size, options.all_episodes)

    store = frames(options.data)
    source, validation = split_by_episode(store, config.validation_share, config.seed,
                                          config.task_weights)
    if options.also:
        folder, share = options.also
        if not 0 < float(share) < 1:
            raise ConfigError(f'--also {folder} {share}: the share must lie between 0 and 1')
        more = Dataset(frames(Path(folder)))
        source = Mixture([(source, 1 - float(share)), (more, float(share))])
    if vla is None:
        torch.manual_seed(config.seed)
        vla = VLA(policy, Statistics.from_data(store.states, store.actions),
                  instructions=source.instructions)
    result = train(vla, source, validation, config, options.output)
    print(f'{config.steps} steps: loss {result.loss:.4f}, on held-out episodes '
          f'{result.validation_loss:.4f}; {result.samples_per_s:.0f} samples/s, '
          f'{100 * result.data_wait_share:.1f} % of the time waiting for data\n'
          f'policy in {result.checkpoint}')
    return result


if __name__ == '__main__':
    try:
        main()
    except IrevlaError as error:
        sys.exit(f'train: {error}')
