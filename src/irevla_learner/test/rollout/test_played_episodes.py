# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace

import numpy as np

from irevla_control.checks.durability import durable_replaces
from irevla_learner.rollout.played_episodes import keep, newest


def played(number):
    return SimpleNamespace(
        episode_id=f'push_{number}',
        task='push',
        instruction='push the puck',
        images={'front': np.full((3, 4, 4, 3), number, np.uint8)},
        states=np.full((3, 10), float(number)),
        labels=np.full((3, 7), float(number)),
    )


def test_the_newest_episodes_are_kept_and_a_killed_writer_s_file_is_overwritten(tmp_path):
    folder = tmp_path / 'kept'
    for number in range(4):
        with durable_replaces(folder / f'{number:06d}.npz'):
            keep(folder, number, played(number), most=2)
        (folder / '.new.npz').write_bytes(b'half')
    assert [episode.episode_id for episode in newest(folder)] == ['push_2', 'push_3']
    for episode, number in zip(newest(folder), (2, 3)):
        assert (episode.images['front'] == number).all() and (episode.labels == number).all()
    assert len(list(folder.iterdir())) == 3
