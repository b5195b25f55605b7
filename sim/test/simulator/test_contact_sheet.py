# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The contact sheet shows each task of a simulator, by name."""

import sys

import numpy as np
from PIL import Image
import pytest

from irevla_sim.simulator import contact_sheet


@pytest.fixture
def draw(toy, tmp_path, monkeypatch):
    """Return a function that runs the program, and returns its picture."""

    def draw(*arguments):
        file = tmp_path / 'sheets/tasks.png'
        monkeypatch.setattr(
            sys, 'argv', ['sheet', '--simulator', 'toy', '--output', str(file), *arguments]
        )
        contact_sheet.main()
        return np.asarray(Image.open(file)).astype(int)

    return draw


def test_each_task_is_drawn_in_the_section_of_its_split(draw, tmp_path):
    two = draw()
    reddish, bluish = (two[..., kind] > two[..., 2 - kind] + 100 for kind in (0, 2))
    assert np.argwhere(reddish)[:, 0].max() < np.argwhere(bluish)[:, 0].min()
    (tmp_path / 'own.yaml').write_text('reach-far: {base: reach-blue, split: held_out}')
    assert draw('--tasks-file', str(tmp_path / 'own.yaml')).shape[0] > two.shape[0]


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (('--camera', 'side'), "unknown camera 'side'; known: front, wrist"),
        (('--simulator', 'absent'), "unknown simulator 'absent'"),
        (('--tasks-file', 'absent.yaml'), 'task file absent.yaml'),
        (('--output', '/dev/null/tasks.png'), 'error: .*/dev/null'),
    ],
)
def test_wrong_arguments_are_named(draw, arguments, words):
    with pytest.raises(SystemExit, match=words):
        draw(*arguments)
