# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Plots draw the numbers they are given."""

import matplotlib.image
import pytest

from irevla_learner.plots import NEUTRAL, loss_chart, save_png, success_chart, svg_text

TASKS = {'a': {'successes': 1, 'episodes': 4, 'success_rate': 0.25, 'interval': [0.05, 0.70]},
         'b': {'successes': 0, 'episodes': 0, 'success_rate': None, 'interval': [0.0, 1.0]}}
ROWS = [{'step': 1, 'loss': 2.0}, {'step': 2, 'loss': 1.0}, {'step': 2, 'validation_loss': 1.5},
        {'step': 2, 'loss': 0.9}]


def test_success_chart_has_a_bar_and_a_whisker_for_each_task():
    axes = success_chart(TASKS).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.0, 0.25]
    assert [text.get_text() for text in axes.get_yticklabels()] == ['b', 'a']
    whiskers = axes.collections[0].get_segments()
    assert [(low, high) for (low, _), (high, _) in whiskers] == [
        (0.0, 1.0), (pytest.approx(0.05), pytest.approx(0.70))]


def test_loss_chart_draws_both_curves_and_a_repeated_step_once():
    training, validation = loss_chart(ROWS).axes[0].lines
    assert list(training.get_ydata()) == [2.0, 0.9]
    assert (list(validation.get_xdata()), list(validation.get_ydata())) == ([2], [1.5])


def test_png_is_on_white_and_the_same_each_time(tmp_path):
    for name in 'ab':
        save_png(success_chart(TASKS), tmp_path / 'plots' / f'{name}.png')
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
