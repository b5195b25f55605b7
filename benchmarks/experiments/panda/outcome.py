# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The results of the experiment on the simulated Panda: docs/results/twin.json and its plots."""

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
import numpy as np
import results
from results_file import ResultsFile

from irevla_control.bags.index import list_episodes
from irevla_learner.report.plots import STYLE, groups_chart, save_png
from irevla_learner.runs.outcome import read_outcome
from irevla_policy.metrics_log import read_metrics

# File of the rates and times of all nodes in the folder of a stage 1.
HEALTH = 'health.json'
# Columns of a learning curve; interventions are steps with a person's command.
CURVE = ('step', 'successes', 'episodes', 'interventions')
# Number of episodes that a point of a drawn curve is averaged over.
WINDOW = 20
IMAGES = results.ROOT / 'docs/images'
# Longest time from one episode to the next; a longer one is a pause of the run [s].
LONGEST_S = 60.0


def robot_minutes(folder: Path) -> float:
    """Return the time on the robot of a stage 1, resets included, pauses of the run not [min].

    The identifier of an episode ends with the time of its reset [ns].
    """
    begun = sorted(
        int(one.episode_id.rsplit('-', 1)[1]) * 1e-9 for one in list_episodes(folder / 'episodes')
    )
    between = [later - earlier for earlier, later in zip(begun, begun[1:])]
    return round(sum(gap for gap in between if gap < LONGEST_S) / 60, 1)


def of_stage1(folder: Path) -> dict[str, Any]:
    """Return the robot's time, the outcome, the learning curve and the nodes of a stage 1."""
    outcome = read_outcome(folder)
    # Written at the end of a stage 1.
    assert outcome is not None
    return {
        'robot_minutes': robot_minutes(folder),
        'env_steps': outcome['env_steps'],
        'episodes': outcome['episodes'],
        ', '.join(CURVE): [[row[key] for key in CURVE] for row in read_metrics(folder)],
        'nodes': json.loads((folder / HEALTH).read_text()),
    }


def draw(content: Mapping[str, Any]) -> None:
    """Draw success before and after by object, and the learning curves over robot time."""
    found, variants = content['objects'], content['variants']
    if found:
        names = {task: task.replace('-', '\n', 1).replace('-', ' ') for task in found}
        bars = {
            when: {names[task]: results.figures(*one[when]) for task, one in found.items()}
            for when in ('before', 'after')
        }
        figure = groups_chart(bars)
        figure.set_size_inches(13, 4.2)
        figure.axes[0].tick_params(axis='x', labelsize=8)
        save_png(figure, IMAGES / 'twin_objects.png')
    curves = {task: one for task, one in found.items() if 'robot_minutes' in one}
    curves |= {f'carrot, {name}': one for name, one in variants.items() if 'robot_minutes' in one}
    if curves:
        save_png(curves_chart(curves), IMAGES / 'twin_curves.png')


def curves_chart(curves: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Return success while exploring over the robot's time, a line for each stage 1."""
    with rc_context(STYLE):
        figure = Figure(figsize=(8, 4), layout='constrained')
        axes = figure.subplots()
        for name, one in curves.items():
            rows = np.array(one[', '.join(CURVE)])
            minutes = np.linspace(0, one['robot_minutes'], len(rows) + 1)[1:]
            newest = np.diff(rows[:, CURVE.index('successes')], prepend=0)
            shown = np.convolve(newest, np.ones(WINDOW) / WINDOW, 'valid')
            axes.plot(minutes[WINDOW - 1 :], shown, label=name)
        axes.set(
            ylim=(-0.02, 1.02),
            xlabel='robot time, resets included [min]',
            ylabel=f'success of the newest {WINDOW} episodes, exploring',
        )
        axes.legend()
    return figure


FILE = ResultsFile(results.ROOT / 'docs/results/twin.json', ('objects', 'variants'), draw)
