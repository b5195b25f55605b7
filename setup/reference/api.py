# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The page of the Python API: mkdocstrings reads the docstrings of the listed names."""

INTRODUCTION = (
    'The functions and classes that a program of your own uses, from their docstrings; '
    '[data and policies in Python](../python.md) shows them together. Modules that are not listed '
    'here may change without notice. Shapes: `T` steps, `B` batch, `m` tokens of width `d`.'
)
# Heading to the names that it shows.
API = {
    'Act with a policy': (
        'irevla_policy.checkpoints.checkpoint',
        'irevla_policy.model.vla.VLA',
        'irevla_policy.model.vla.PolicyOutput',
    ),
    'Record and read episodes': (
        'irevla_control.episode',
        'irevla_control.observation',
        'irevla_control.recording.episode_writer',
        'irevla_control.bags.reader',
        'irevla_control.bags.index',
        'irevla_control.lerobot.reader',
        'irevla_control.lerobot.export',
    ),
    'Train a policy (stages 0 and 2)': (
        'irevla_policy.training.train.train_from_bags',
        'irevla_policy.training.config.TrainConfig',
        'irevla_policy.model.config',
        'irevla_policy.frames.bag_frames',
        'irevla_policy.frames.frame_store',
    ),
    'Encode demonstrations': (
        'irevla_learner.encode.encode_demonstrations',
        'irevla_learner.encode.selection',
        'irevla_learner.replay.encoded_demonstrations',
    ),
    'Improve a head (stage 1)': (
        'irevla_learner.replay.latent_episode',
        'irevla_learner.replay.latent_replay',
        'irevla_learner.sacfd.online_learner',
        'irevla_learner.sacfd.sacfd',
        'irevla_learner.sacfd.config',
    ),
}


def api_page() -> str:
    """Return the page, with a directive of mkdocstrings for each name."""
    sections = (
        f'## {heading}\n\n' + '\n'.join(f'::: {name}\n' for name in names)
        for heading, names in API.items()
    )
    return '\n'.join(['# Python API\n', f'{INTRODUCTION}\n', *sections])
