# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Paths of files and names of columns in a LeRobotDataset v3.0."""

VERSION = 'v3.0'

INFO = 'meta/info.json'
STATISTICS = 'meta/stats.json'
TASKS = 'meta/tasks.parquet'
EPISODES = 'meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet'
DATA = 'data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet'
VIDEO = 'videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4'

# Prefix of a camera's name.
IMAGES = 'observation.images.'
# Prefix of the values of an episode that only this suite writes.
OWN = 'irevla/'

_ACTION = ['dx', 'dy', 'dz', 'rx', 'ry', 'rz', 'gripper']
# Columns of a frame: type, and names of the values in a vector (None: a single number). `action`
# is the executed action, `label` the expert's; next.done marks the end of every episode. Vectors
# are float32, like in policies; bags have float64.
COLUMNS = {
    'observation.state': (
        'float32',
        ['x', 'y', 'z', 'r11', 'r21', 'r31', 'r12', 'r22', 'r32', 'gripper'],
    ),
    'action': ('float32', _ACTION),
    'label': ('float32', _ACTION),
    'ros_stamp_ns': ('int64', None),
    'next.reward': ('float32', None),
    'next.done': ('bool', None),
    'next.truncated': ('bool', None),
    'next.success': ('bool', None),
    'source': ('int64', None),
    'intervention': ('bool', None),
    'timestamp': ('float32', None),
    'frame_index': ('int64', None),
    'episode_index': ('int64', None),
    'index': ('int64', None),
    'task_index': ('int64', None),
}
