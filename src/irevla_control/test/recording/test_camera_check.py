# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Images that no reader accepts are refused at a camera's first message, not after recording."""

from played_episode import CAMERAS, SECOND, play, wire
import pytest
from recordings import Recording, recording
from sensor_msgs.msg import Image

from irevla_control.bags.index import list_episodes
from irevla_control.bags.reader import read_episode
from irevla_control.errors import BagError

FRONT, WRIST = topics = [f'/camera/{camera}/image_raw' for camera in CAMERAS]
GOOD = {'height': 4, 'width': 5, 'encoding': 'rgb8', 'step': 15, 'size': 60}


def image(**changes):
    given = {**GOOD, **changes}
    return wire(Image(data=bytes(given.pop('size')), **given))


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'encoding': 'mono8', 'step': 5, 'size': 20}, "encoding is 'mono8'; publish rgb8"),
        ({'encoding': 'bgr8'}, "encoding is 'bgr8'"),
        ({'encoding': ''}, "encoding is ''"),
        ({'step': 16, 'size': 64}, '64 bytes, rows of 16; publish rows of 15 bytes'),
        ({'size': 45}, '4 x 5 pixels have 45 bytes'),
        ({'height': 0, 'width': 0, 'step': 0, 'size': 0}, '0 x 0 pixels'),
    ],
)
def test_first_image_of_a_wrong_format_is_refused_before_an_episode(tmp_path, changes, words):
    run = Recording(tmp_path, cameras=topics)
    run.take(FRONT, image())
    with pytest.raises(BagError, match=f'{WRIST}: nothing reads such an image: .*{words}'):
        run.take(WRIST, image(**changes))
    # The error is raised once, since the node empties its queues before it ends.
    run.take(WRIST, image(**changes))
    run.take(FRONT, image(**changes))
    run.recorder.close()
    assert not list_episodes(tmp_path)


def test_other_topics_and_images_with_step_0_are_accepted(tmp_path):
    with recording(tmp_path, cameras=topics[:1]) as run:
        run.take(WRIST, image(encoding='16UC1'))
        run.take(FRONT, image(step=0))


def test_size_change_within_an_episode_fails_only_that_episode(tmp_path):
    first, second = play('first'), play('second', start=1_700_000_100 * SECOND, size=(6, 7))
    torn = play('torn', start=1_700_000_200 * SECOND)
    changed = image(height=6, width=7, step=21, size=126)
    with recording(tmp_path, cameras=topics) as run:
        run.play(first)
        run.play(second)
        for topic, stamp, data in torn.wire:
            late = topic == WRIST and stamp > torn.stamps[1]
            run.take(topic, _stamped(changed, data) if late else data)
    entries = {entry.episode_id: entry for entry in list_episodes(tmp_path)}
    assert [entry.aborted for entry in entries.values()] == [False, False, True]
    assert entries['torn'].failed == f'{WRIST} changed from 4 x 5 to 6 x 7 pixels'
    assert len(read_episode(tmp_path / 'second', CAMERAS).stamps) == 4


def test_change_of_step_to_0_within_an_episode_is_accepted(tmp_path):
    played = play()
    unset_step = image(step=0)
    with recording(tmp_path, cameras=topics) as run:
        for topic, stamp, data in played.wire:
            late = topic == WRIST and stamp > played.stamps[1]
            run.take(topic, _stamped(unset_step, data) if late else data)
    (entry,) = run.entries
    assert (entry.failed, entry.aborted) == ('', False)


def _stamped(data, like):
    return data[:4] + like[4:12] + data[12:]
