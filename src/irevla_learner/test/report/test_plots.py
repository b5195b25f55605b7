# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Plots draw the given numbers."""

import matplotlib.image
import pytest

from irevla_learner.report.plots import (
    NEUTRAL,
    groups_chart,
    learning_chart,
    loss_chart,
    save_png,
    svg_text,
)

FIGURES = {'successes': 1, 'episodes': 4, 'success_rate': 0.25, 'interval': [0.05, 0.70]}
UNKNOWN = {'successes': 0, 'episodes': 0, 'success_rate': None, 'interval': [0.0, 1.0]}
STAGES = {'stage0': {'expert': FIGURES, 'rl': UNKNOWN}, 'stage1': {'expert': UNKNOWN}}
ROWS = [
    {'step': 1, 'loss': 2.0},
    {'step': 2, 'loss': 1.0},
    {'step': 2, 'validation_loss': 1.5},
    {'step': 2, 'loss': 0.9},
]


def test_groups_chart_has_a_bar_and_a_whisker_for_each_group_and_stage():
    axes = groups_chart(STAGES).axes[0]
    assert [bar.get_height() for bar in axes.patches] == [0.25, 0.0, 0.0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ['expert tasks', 'new tasks']
    whiskers = [segment for lines in axes.collections for segment in lines.get_segments()]
    assert [(low, high) for (_, low), (_, high) in whiskers] == [
        (pytest.approx(0.05), pytest.approx(0.70)),
        (0.0, 1.0),
        (0.0, 1.0),
    ]


def test_learning_chart_shows_the_mean_of_the_newest_episodes():
    rows = [
        {
            'step': 10 * (number + 1),
            'successes': number // 2,
            'updates': max(0, number - 5),
            'value': 0.5,
        }
        for number in range(40)
    ]
    above, below = learning_chart(rows).axes
    mean = above.lines[-1].get_ydata()
    assert mean[0] == 0 and mean[-1] == pytest.approx(0.5)
    assert list(below.lines[0].get_ydata()) == [0.5] * 40


def test_loss_chart_draws_both_curves_and_a_repeated_step_once():
    training, validation = loss_chart(ROWS).axes[0].lines
    assert list(training.get_ydata()) == [2.0, 0.9]
    assert (list(validation.get_xdata()), list(validation.get_ydata())) == ([2], [1.5])


def test_png_has_a_white_background_and_is_reproducible(tmp_path):
    for name in 'ab':
        save_png(groups_chart(STAGES), tmp_path / 'plots' / f'{name}.png')
    picture = matplotlib.image.imread(tmp_path / 'plots' / 'a.png')
    assert picture[0, 0].tolist() == [1, 1, 1, 1]
    assert picture.min() < 0.6
    assert (tmp_path / 'plots/a.png').read_bytes() == (tmp_path / 'plots/b.png').read_bytes()


def test_svg_takes_the_colour_of_the_page():
    text = svg_text(loss_chart(ROWS))
    assert text.startswith('<svg') and text.rstrip().endswith('</svg>')
    assert 'currentColor' in text
    assert NEUTRAL not in text
    assert text == svg_text(loss_chart(ROWS))
