# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The program that encodes recorded demonstrations for stage 1."""

import argparse
from functools import partial
from pathlib import Path

from irevla_control.bags.joining import add_max_skew_s
from irevla_learner.encode.encode_demonstrations import BATCH_SIZE, encode_demonstrations
from irevla_learner.encode.saved_policy import SavedPolicy
from irevla_learner.encode.selection import Selection
from irevla_policy.checkpoints.checkpoint import load_checkpoint
from irevla_policy.model.device import usable_device


def main(arguments: list[str] | None = None) -> None:
    """Encode demonstrations with the arguments of the command line.

    Raises:
        IrevlaError: an argument, a recording or the policy is not usable; names the remedy.

    """
    parser = argparse.ArgumentParser(
        'python -m irevla_learner.encode',
        description="Encode recorded demonstrations with a policy's backbone into a file for "
        'stage 1. The same command uses the file again if nothing has changed.',
    )
    parser.add_argument(
        '--checkpoint', type=Path, required=True, help='folder of the policy with the backbone'
    )
    parser.add_argument(
        '--bags',
        type=Path,
        nargs='+',
        required=True,
        metavar='DIR',
        help='folders of recorded episodes or LeRobot datasets',
    )
    parser.add_argument(
        '--output', type=Path, required=True, metavar='FILE', help='safetensors file to write'
    )
    parser.add_argument('--tasks', nargs='+', metavar='TASK', help='encode only these tasks')
    parser.add_argument(
        '--max-episodes',
        type=int,
        metavar='NUMBER',
        help='largest number of episodes: the newest of each task in turn',
    )
    parser.add_argument(
        '--max-frames',
        type=int,
        metavar='NUMBER',
        help='largest number of frames; only whole episodes are encoded',
    )
    parser.add_argument(
        '--include-failures', action='store_true', help='encode failed episodes too'
    )
    add_max_skew_s(parser)
    parser.add_argument(
        '--batch-size',
        type=int,
        default=BATCH_SIZE,
        metavar='NUMBER',
        help='number of observations in one pass of the VLM (default: %(default)s)',
    )
    parser.add_argument(
        '--device',
        choices=('auto', 'cpu', 'cuda'),
        default='auto',
        help='device of the model; auto: a GPU if there is one (default: %(default)s)',
    )
    options = parser.parse_args(arguments)
    selection = Selection(
        tasks=tuple(options.tasks) if options.tasks else None,
        max_episodes=options.max_episodes,
        max_frames=options.max_frames,
        include_failures=options.include_failures,
        max_skew_s=options.max_skew_s,
    )
    device = usable_device(options.device)
    encoded = encode_demonstrations(
        SavedPolicy(options.checkpoint, partial(load_checkpoint, device=device)),
        options.bags,
        options.output,
        selection,
        options.batch_size,
    )
    print(
        f'{len(encoded)} episodes of {", ".join(encoded.tasks)}: {encoded.frames} frames of '
        f'{encoded.tokens} x {encoded.width} in {options.output} '
        f'({options.output.stat().st_size / 1e6:.1f} MB)'
    )
