# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Plots of results: PNG files for papers, SVG text for light and dark pages."""

from collections.abc import Mapping, Sequence
import io
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter
import numpy as np

# Distinguishable with common kinds of colour blindness, on white and on black.
BLUE = '#3b7dd8'
ORANGE = '#e0852b'
PALE_BLUE = '#9fbfec'
NEUTRAL = '#737b87'
CYCLE = (PALE_BLUE, ORANGE, BLUE, '#8a63c9', '#3f9c6b')
GROUP_NAMES = {'expert': 'expert tasks', 'rl': 'new tasks', 'held_out': 'held-out tasks'}

# Any, because matplotlib's type lists all keys.
STYLE: Any = {
    'font.family': 'DejaVu Sans',
    'font.size': 10,
    'text.color': NEUTRAL,
    'axes.labelcolor': NEUTRAL,
    'axes.edgecolor': NEUTRAL,
    'xtick.color': NEUTRAL,
    'ytick.color': NEUTRAL,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.grid': True,
    'grid.color': NEUTRAL,
    'grid.alpha': 0.2,
    'axes.axisbelow': True,
    'legend.frameon': False,
    'svg.hashsalt': 'irevla',
}


def groups_chart(
    stages: Mapping[str, Mapping[str, Mapping[str, Any]]], colours: Sequence[str] = CYCLE
) -> Figure:
    """Return success by group of tasks, a bar for each stage, with 95 % intervals as whiskers.

    `stages` is label of a stage or method to group to figures, as `groups` of
    `report.stage_figures`; they take the colours in turn.
    """
    groups = list(dict.fromkeys(group for figures in stages.values() for group in figures))
    width = 0.84 / len(stages)
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 3.8), layout='constrained')
        axes = figure.subplots()
        for index, (stage, figures) in enumerate(stages.items()):
            shown = [group for group in groups if group in figures]
            places = (
                np.array([groups.index(group) for group in shown])
                + (index - (len(stages) - 1) / 2) * width
            )
            rates = np.array([figures[group]['success_rate'] or 0.0 for group in shown])
            bounds = np.array([figures[group]['interval'] for group in shown]).reshape(-1, 2)
            whiskers = np.stack([rates - bounds[:, 0], bounds[:, 1] - rates]).clip(0)
            axes.bar(places, rates, width * 0.92, color=colours[index % len(colours)], label=stage)
            axes.errorbar(
                places, rates, yerr=whiskers, fmt='none', ecolor=NEUTRAL, elinewidth=1.4, capsize=3
            )
            for place, group, top in zip(places, shown, bounds[:, 1]):
                axes.text(
                    place,
                    top + 0.02,
                    f'{figures[group]["successes"]}/{figures[group]["episodes"]}',
                    ha='center',
                    fontsize=8.5,
                )
        axes.set_xticks(range(len(groups)), [GROUP_NAMES.get(group, group) for group in groups])
        axes.set(ylim=(0, 1.12), ylabel='success rate (Wilson 95 % interval)')
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.grid(axis='x', visible=False)
        axes.tick_params(axis='x', length=0)
        axes.legend(ncols=len(stages), loc='upper center', bbox_to_anchor=(0.5, -0.1))
    return figure


def learning_chart(rows: Sequence[Mapping[str, float]]) -> Figure:
    """Return the course of stage 1 over environment steps; `rows` as in its metrics.jsonl.

    Above: success rate of the newest episodes, with exploration noise; zero-shot episodes
    first. Below: mean estimate of the critics.
    """
    steps = np.array([row['step'] for row in rows])
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 4.6), layout='constrained')
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        before = [row['step'] for row in rows if not row.get('updates')]
        if before:
            above.axvspan(0, max(before), color=NEUTRAL, alpha=0.1, linewidth=0)
            above.text(max(before) / 2, 0.04, 'zero-shot', ha='center', fontsize=9)
        solved = np.diff([0, *(row.get('successes', 0) for row in rows)])
        above.plot(
            steps, np.where(solved > 0, 1.0, 0.0), '|', color=NEUTRAL, alpha=0.35, markersize=7
        )
        above.plot(
            steps, _moving_mean(solved, 20), color=BLUE, linewidth=1.8, label='mean of 20 episodes'
        )
        above.set(ylim=(-0.06, 1.06), ylabel='success while exploring')
        above.yaxis.set_major_formatter(PercentFormatter(1.0))
        above.legend(loc='lower right')
        points = {row['step']: row['value'] for row in rows if 'value' in row}
        below.plot(list(points), list(points.values()), color=ORANGE, linewidth=1.4)
        below.set(xlabel='environment steps', ylabel="critics' estimate")
    return figure


def roc_chart(report: Mapping[str, Any]) -> Figure:
    """Return the ROC curve of a success classifier; `report` as `classifier.training.judge`."""
    false, true = np.array(report['roc']).T
    with rc_context(STYLE):
        figure = Figure(figsize=(4.6, 4.2), layout='constrained')
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], ':', color=NEUTRAL, linewidth=1)
        axes.plot(
            false,
            true,
            color=BLUE,
            linewidth=1.8,
            drawstyle='steps-post',
            label=f'area {report["auc"]:.3f}',
        )
        axes.set(
            xlim=(0, 1),
            ylim=(0, 1.01),
            xlabel='false positive rate of frames',
            ylabel='true positive rate of frames',
        )
        axes.legend(loc='lower right')
    return figure


def _moving_mean(values: np.ndarray, width: int) -> np.ndarray:
    """Return the moving mean of the last ``width`` values."""
    total = np.concatenate([[0], np.cumsum(values)])
    first = np.maximum(np.arange(1, len(total)) - width, 0)
    return (total[1:] - total[first]) / (np.arange(1, len(total)) - first)


def loss_chart(rows: Sequence[Mapping[str, float]]) -> Figure:
    """Return loss and validation loss over steps; `rows` as in a training's metrics.jsonl."""
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 3.4), layout='constrained')
        axes = figure.subplots()
        lines: tuple[tuple[str, str, dict[str, Any]], ...] = (
            ('loss', 'training', {'color': BLUE, 'linewidth': 1.6}),
            ('validation_loss', 'validation', {'color': ORANGE, 'marker': 'o', 'markersize': 4}),
        )
        for key, label, look in lines:
            points = {row['step']: row[key] for row in rows if key in row}
            if points:
                axes.plot(list(points), list(points.values()), label=label, **look)
        axes.set(xlabel='optimiser step', ylabel='mean squared error', yscale='log')
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter('{x:g}')
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.legend()
    return figure


def save_png(figure: Figure, path: Path) -> None:
    """Write a plot as PNG, on white."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=160, facecolor='white', metadata={'Software': None})


def svg_text(figure: Figure) -> str:
    """Return a plot as an <svg> element whose neutral colour is the page's text colour."""
    file = io.StringIO()
    with rc_context(STYLE):
        figure.savefig(
            file,
            format='svg',
            transparent=True,
            metadata=dict.fromkeys(('Creator', 'Date', 'Format', 'Type')),
        )
    text = file.getvalue()
    return text[text.index('<svg') :].replace(NEUTRAL, 'currentColor')
