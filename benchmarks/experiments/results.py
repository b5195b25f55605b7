# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The results of the experiments: one JSON file, and the plots made from it.

A part that the file has for a seed is not run again, on any machine. To repeat a measurement,
remove its entry.
"""

from collections.abc import Iterable, Mapping
import json
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
import numpy as np
from results_file import ResultsFile

from irevla_learner.report.plots import BLUE, NEUTRAL, ORANGE, STYLE, groups_chart, save_png
from irevla_learner.runs.environment import environment_facts
from irevla_learner.runs.evaluation import EpisodeResult, TaskScore
from irevla_learner.runs.run_folder import git_revision

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / 'docs/results/experiments.json'
IMAGES = ROOT / 'docs/images'
COLOURS = (BLUE, ORANGE, NEUTRAL)
# Number of episodes that a point of the curves is averaged over.
WINDOW = 60


def load() -> dict[str, Any]:
    """Return the content of the file, or empty parts if there is no file.

    Each part maps a name and a seed to results; `table` is computed from `methods`.
    """
    return _FILE.read()


def has(part: str, name: str, seed: int) -> bool:
    """Return whether a part contains this method, curve or task for a seed."""
    return _FILE.has(part, name, seed)


def add_method(
    method: str,
    seed: int,
    stages: Mapping[str, Iterable[EpisodeResult]],
    groups: Mapping[str, Iterable[str]],
) -> None:
    """Add a method's evaluation of each stage; ``groups``: the tasks of each column of the table.

    Stage 0 is included, because it differs between processors for the same seed.
    """
    with _FILE.changed() as content:
        content['methods'].setdefault(method, {})[str(seed)] = {
            'stages': {stage: cells_of(episodes) for stage, episodes in stages.items()},
            **provenance(),
        }
        content['table'] = table(content['methods'], groups)


def add_curve(curve: str, seed: int, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add a learning curve: rows of metrics, one for each episode."""
    with _FILE.changed() as content:
        content['curves'].setdefault(curve, {})[str(seed)] = {
            'step, successes, episodes': [
                [row['step'], row['successes'], row['episodes']] for row in rows
            ],
            **provenance(),
        }


def add_judged(task: str, seed: int, figures: Mapping[str, Any]) -> None:
    """Add the quality of the classifiers and the success after stage 1 with them."""
    with _FILE.changed() as content:
        content['judged'].setdefault(task, {})[str(seed)] = {**figures, **provenance()}


def provenance() -> dict[str, Any]:
    """Return the machine and the revision of a result."""
    return {'environment': environment_facts(), 'git_revision': git_revision()}


def cells_of(episodes: Iterable[EpisodeResult]) -> dict[str, list[int]]:
    """Return each task's successes and episodes."""
    counts: dict[str, list[int]] = {}
    for episode in episodes:
        count = counts.setdefault(episode.task, [0, 0])
        count[0] += episode.success
        count[1] += 1
    return counts


def table(
    methods: Mapping[str, Mapping[str, Any]], groups: Mapping[str, Iterable[str]]
) -> dict[str, dict[str, Any]]:
    """Return the table: row to group to figures; `SFT` is the policy that all methods start from.

    Methods of the same seed on the same machine start from the same policy, which counts once.
    """
    ran = {
        (method, seed): list(one['stages'].values())
        for method, by_seed in methods.items()
        for seed, one in by_seed.items()
    }
    starts = {(seed, json.dumps(stages[0])): stages[0] for (_, seed), stages in ran.items()}
    rows = {'SFT': list(starts.values())} | {
        method: [ran[method, seed][-1] for seed in by_seed] for method, by_seed in methods.items()
    }
    return {
        row: {
            group: figures(
                *(
                    sum(cells[task][place] for cells in all_cells for task in tasks)
                    for place in (0, 1)
                )
            )
            for group, tasks in groups.items()
        }
        for row, all_cells in rows.items()
    }


def figures(successes: int, episodes: int) -> dict[str, Any]:
    """Return a cell of a table: counts, success rate and Wilson interval."""
    score = TaskScore(successes, episodes)
    return {
        'successes': successes,
        'episodes': episodes,
        'success_rate': score.rate,
        'interval': list(score.interval),
    }


def _draw(content: Mapping[str, Any]) -> None:
    if content['table']:
        save_png(groups_chart(content['table']), IMAGES / 'experiments_table.png')
    if content['curves']:
        save_png(curve_chart(content['curves']), IMAGES / 'experiments_curves.png')


_FILE = ResultsFile(RESULTS, ('methods', 'table', 'curves', 'judged'), _draw)


def curve_chart(curves: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Return the success rate over environment steps, one line for each seed."""
    with rc_context(STYLE):
        figure = Figure(figsize=(8, 4), layout='constrained')
        axes = figure.subplots()
        for colour, (curve, by_seed) in zip(COLOURS, sorted(curves.items())):
            for number, found in enumerate(by_seed.values()):
                steps, successes, _ = np.array(found['step, successes, episodes']).T
                if len(steps) > WINDOW:
                    axes.plot(
                        steps[WINDOW:],
                        (successes[WINDOW:] - successes[:-WINDOW]) / WINDOW,
                        color=colour,
                        label=curve if number == 0 else None,
                    )
        axes.set(
            ylim=(-0.02, 1),
            xlabel='environment steps',
            ylabel=f'success of the newest {WINDOW} episodes, exploring',
        )
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.legend()
    return figure
