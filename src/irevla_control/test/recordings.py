# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A recorder that tests pass messages to, and the messages in its bags."""

from contextlib import contextmanager

from mcap.reader import make_reader
from played_episode import SECOND, TOPICS

from irevla_control.recording.limits import Limits
from irevla_control.recording.recorder import Recorder


class Recording:
    """A recorder whose clock ticks a millisecond with each message."""

    def __init__(self, root, **limits):
        self.entries, self.problems = [], []
        self.recorder = Recorder(
            root,
            TOPICS,
            Limits(**{'min_free_bytes': 0, **limits}),
            self.entries.append,
            self.problems.append,
        )
        self.now = 1_800_000_000 * SECOND

    def take(self, topic, data):
        self.now += SECOND // 1000
        self.recorder.add(topic, self.now, data)

    def update(self, after_s=0.0):
        self.now += round(after_s * SECOND)
        self.recorder.update(self.now)

    def play(self, played):
        for topic, _, data in played.wire:
            self.take(topic, data)
            self.update()


@contextmanager
def recording(root, **limits):
    result = Recording(root, **limits)
    try:
        yield result
    finally:
        result.recorder.close()


def bag_messages(folder):
    with next(folder.glob('*.mcap')).open('rb') as file:
        return [
            (channel.topic, message.data)
            for _, channel, message in make_reader(file).iter_messages()
        ]
