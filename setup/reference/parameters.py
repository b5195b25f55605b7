# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The page of the parameters of every node, from the nodes' tables."""

from collections.abc import Iterator
from importlib.metadata import entry_points

from irevla_bringup.starting import node_table
from irevla_control.parameters.parameter import shown
from reference.markdown import code, page, table

INTRODUCTION = (
    'All parameters of each node. All are read-only: they are set at the start, by '
    '`params_file:=` of a launch file or `--ros-args -p` of `ros2 run`. `config/NODE.yaml` has '
    'the defaults with a comment each; a launch file sets some of them '
    '([which](../design-notes.md#parameters)). A value out of range is refused with its name.'
)
# The fake nodes are the real nodes with other devices.
SAME_AS_REAL = ('fake_realsense', 'fake_spacemouse')


def parameter_page() -> str:
    """Return the page of all nodes."""
    return page('Parameters', INTRODUCTION, map(_node, node_names()))


def node_names() -> Iterator[str]:
    """Yield the name of each node of the suite that has parameters of its own, sorted."""
    for name in sorted(
        entry.name.removesuffix('_node')
        for entry in entry_points(group='console_scripts')
        if entry.module.startswith('irevla_') and entry.name.endswith('_node')
    ):
        if name not in SAME_AS_REAL:
            yield name


def _node(name: str) -> tuple[str, str]:
    return name, table(
        ['parameter', 'default', 'values', 'meaning'],
        (
            [code(key), code(shown(one.default)), one.expected, one.description]
            for key, one in node_table(name).items()
        ),
    )
