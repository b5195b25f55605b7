# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Changes to the files of a dataset, as other tools or damage make them."""

import json

import pyarrow.parquet as pq

EPISODES = 'meta/episodes/chunk-000/file-000.parquet'
DATA = 'data/chunk-000/file-000.parquet'
INFO = 'meta/info.json'


def change_info(dataset, change):
    """Apply a function to the content of meta/info.json."""
    file = dataset / INFO
    info = json.loads(file.read_text())
    change(info)
    file.write_text(json.dumps(info))


def change_table(file, change):
    """Replace a Parquet file's table by a function's result."""
    pq.write_table(change(pq.read_table(file)), file)


def set_column(table, name, values):
    """Return a table with other values in a column."""
    return table.set_column(table.column_names.index(name), name, [values])


def drop_own_columns(dataset):
    """Drop the columns of meta/episodes that LeRobot's delete_episodes and split_dataset drop."""
    change_table(
        dataset / EPISODES,
        lambda table: table.select(
            [name for name in table.column_names if not name.startswith('irevla/')]
        ),
    )
