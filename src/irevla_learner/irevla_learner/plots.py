# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of results: PNG files for papers, SVG text that fits a light or a dark page."""

from collections.abc import Mapping, Sequence
import io
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter
import numpy as np

# Told apart with common kinds of colour blindness, on white and on black.
BLUE = '#3b7dd8'
ORANGE = '#e0852b'
PALE_BLUE = '#9fbfec'
NEUTRAL = '#737b87'
INK = '#2b3340'

_STYLE = {
    'font.family': 'DejaVu Sans', 'font.size': 10, 'text.color': NEUTRAL,
    'axes.labelcolor': NEUTRAL, 'axes.edgecolor': NEUTRAL, 'xtick.color': NEUTRAL,
    'ytick.color': NEUTRAL, 'axes.spines.top': False, 'axes.spines.right': False,
    'axes.grid': True, 'grid.color': NEUTRAL, 'grid.alpha': 0.2, 'axes.axisbelow': True,
    'legend.frameon': False, 'svg.hashsalt': 'irevla'}


def success_chart(tasks: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Return a bar per task, with the 95 % interval as whisker.

    `tasks` is the part of that name of `evaluation.summarise`.
    """
    names = list(tasks)[::-1]
    rates = np.array([tasks[name]['success_rate'] or 0.0 for name in names])
    bounds = np.array([tasks[name]['interval'] for name in names]).reshape(-1, 2)
    with rc_context(_STYLE):
        figure = Figure(figsize=(7, 1.0 + 0.42 * len(names)), layout='constrained')
        axes = figure.subplots()
        axes.barh(names, rates, height=0.62, color=PALE_BLUE)
        whiskers = np.stack([rates - bounds[:, 0], bounds[:, 1] - rates]).clip(0)
        axes.errorbar(rates, range(len(names)), xerr=whiskers, fmt='none', ecolor=INK,
                      elinewidth=1.4, capsize=4)
        for row, name in enumerate(names):
            axes.text(1.02, row, f'{tasks[name]["successes"]}/{tasks[name]["episodes"]}',
                      va='center', transform=axes.get_yaxis_transform())
        axes.set(xlim=(0, 1), xlabel='success rate (whisker: Wilson 95 % interval)')
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        axes.grid(axis='y', visible=False)
        axes.tick_params(axis='y', length=0)
        axes.spines['left'].set_visible(False)
    return figure


def loss_chart(rows: Sequence[Mapping[str, float]]) -> Figure:
    """Return loss and validation loss over steps; `rows` as in a training's metrics.jsonl."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(9, 3.4), layout='constrained')
        axes = figure.subplots()
        for key, label, look in (('loss', 'training', {'color': BLUE, 'linewidth': 1.6}),
                                 ('validation_loss', 'validation',
                                  {'color': ORANGE, 'marker': 'o', 'markersize': 4})):
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
    """Write a picture on white."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=160, facecolor='white', metadata={'Software': None})


def svg_text(figure: Figure) -> str:
    """Return the picture as an <svg> element whose neutral ink takes the page's text colour."""
    file = io.StringIO()
    with rc_context(_STYLE):
        figure.savefig(file, format='svg', transparent=True,
                       metadata=dict.fromkeys(('Creator', 'Date', 'Format', 'Type')))
    text = file.getvalue()
    return text[text.index('<svg'):].replace(NEUTRAL, 'currentColor')
