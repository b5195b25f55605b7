# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What the experiments found so far: one JSON file, and the pictures made from it.

What the file holds is kept: a part that is there for a seed is not run again, on this machine or
another. Remove its entry to have it measured anew.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
import fcntl
import json
import os
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
import numpy as np

from irevla_learner.environment import environment_facts
from irevla_learner.evaluation import EpisodeResult, TaskScore
from irevla_learner.json_file import write_json
from irevla_learner.plots import BLUE, NEUTRAL, ORANGE, STYLE, groups_chart, save_png
from irevla_learner.run_folder import git_revision

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / 'docs/results/experiments.json'
IMAGES = ROOT / 'docs/images'
COLOURS = (BLUE, ORANGE, NEUTRAL)
# Episodes that a point of the curves is the mean of.
WINDOW = 60


def load() -> dict[str, Any]:
    """Return the content of the file, empty parts without it."""
    content = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return {'methods': {}, 'table': {}, 'curves': {}, 'judged': {}} | content


def has_method(method: str, seed: int) -> bool:
    """Tell whether a method of the table was evaluated from this seed."""
    return seed in load()['methods'].get(method, {}).get('seeds', ())


def has_curve(curve: str, seed: int) -> bool:
    """Tell whether a learning curve of this seed is there, from its begin to its end."""
    return str(seed) in load()['curves'].get(curve, {})


def has_judged(seed: int) -> bool:
    """Tell whether both rewards were learned from with this seed."""
    return str(seed) in load()['judged']


def add_method(method: str, seed: int, before: Iterable[EpisodeResult],
               after: Iterable[EpisodeResult], groups: Mapping[str, Iterable[str]]) -> None:
    """Add a method's first and last evaluation; ``groups``: the table's columns, their tasks.

    Both, since stage 0 of the same seed differs between processors.
    """
    with _changed() as content:
        kept = content['methods'].setdefault(method, {'seeds': [], 'before': {}, 'after': {}})
        if seed in kept['seeds']:
            return
        kept['seeds'] = sorted([*kept['seeds'], seed])
        for when, episodes in (('before', before), ('after', after)):
            kept[when] = _added(kept[when], episodes)
        content['table'] = {
            name: {group: {when: _figures(*(sum(one[when][task][key] for task in tasks)
                                            for key in ('successes', 'episodes')))
                           for when in ('before', 'after')}
                   for group, tasks in groups.items()}
            for name, one in content['methods'].items()}


def _added(cells: Mapping[str, Mapping[str, Any]],
           episodes: Iterable[EpisodeResult]) -> dict[str, dict[str, Any]]:
    """Return the cells of the tasks with these episodes counted in."""
    counts = {task: [cell['successes'], cell['episodes']] for task, cell in cells.items()}
    for episode in episodes:
        count = counts.setdefault(episode.task, [0, 0])
        count[0] += episode.success
        count[1] += 1
    return {task: _figures(*count) for task, count in counts.items()}


def add_curve(curve: str, seed: int, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add a whole learning curve: rows of its metrics, an episode each."""
    with _changed() as content:
        content['curves'].setdefault(curve, {})[str(seed)] = [
            [row['step'], row['successes'], row['episodes']] for row in rows]


def add_judged(seed: int, figures: Mapping[str, Any]) -> None:
    """Add what the classifier is worth and what came of learning on its word."""
    with _changed() as content:
        content['judged'][str(seed)] = dict(figures)


@contextmanager
def _changed() -> Iterator[dict[str, Any]]:
    # Seeds may run side by side, a process each; the folder is locked since the file is replaced.
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(RESULTS.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        content = load()
        yield content
        write_json(RESULTS, {**content, 'environment': environment_facts(),
                             'git_revision': git_revision()})
        _draw(content)
    finally:
        os.close(folder)


def _figures(successes: int, episodes: int) -> dict[str, Any]:
    score = TaskScore(successes, episodes)
    return {'successes': successes, 'episodes': episodes, 'success_rate': score.rate,
            'interval': list(score.interval)}


def _draw(content: Mapping[str, Any]) -> None:
    if content['table']:
        save_png(table_chart(content['table']), IMAGES / 'experiments_table.png')
    if content['curves']:
        save_png(curve_chart(content['curves']), IMAGES / 'experiments_curves.png')


def table_chart(table: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Return success by group of tasks: stage 0 of all methods together, then each at its end.

    Methods of the same seeds on the same machine begin with the same policy: it counts once.
    """
    starts = {json.dumps({group: cell['before'] for group, cell in groups.items()}): groups
              for groups in table.values()}
    bars = {'SFT': {group: _figures(*(sum(one[group]['before'][key] for one in starts.values())
                                      for key in ('successes', 'episodes')))
                    for group in next(iter(table.values()))}}
    return groups_chart(bars | {method: {group: cell['after'] for group, cell in groups.items()}
                                for method, groups in table.items()})


def curve_chart(curves: Mapping[str, Mapping[str, list]]) -> Figure:
    """Return the success of the newest episodes over decisions, a line for each seed."""
    with rc_context(STYLE):
        figure = Figure(figsize=(8, 4), layout='constrained')
        axes = figure.subplots()
        for colour, (curve, by_seed) in zip(COLOURS, sorted(curves.items())):
            for number, rows in enumerate(by_seed.values()):
                if len(rows) > WINDOW:
                    steps, successes, _ = np.array(rows).T
                    axes.plot(steps[WINDOW:], (successes[WINDOW:] - successes[:-WINDOW]) / WINDOW,
                              color=colour, label=curve if number == 0 else None)
        axes.set(ylim=(0, 1), xlabel='decisions of the policy',
                 ylabel=f'success of the newest {WINDOW} episodes, exploring')
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.legend()
    return figure
