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

# Files in the folder of a stage 1: rates and times of all nodes for each start; a person's faults.
HEALTH_FILE, FAULTS_FILE = 'health.json', 'faults.json'
# Columns of a learning curve; interventions are steps with a person's command.
CURVE = ('step', 'successes', 'episodes', 'interventions')
# Number of episodes that a point of a drawn curve is averaged over.
WINDOW = 20
IMAGES = results.ROOT / 'docs/images'
# Longest time from one episode to the next; a longer one is a pause of the run [s].
LONGEST_S = 60.0


def minutes(folder: Path) -> list[float]:
    """Return the robot's time from the first reset of a stage 1 to each episode's [min].

    Resets and aborted episodes are included, pauses of the run and aborted episodes' own entries
    are not. The identifier of an episode ends with the time of its reset [ns].
    """
    begun = sorted(
        (int(one.episode_id.rsplit('-', 1)[1]) * 1e-9, one.aborted)
        for one in list_episodes(folder / 'episodes')
    )
    between = [later - earlier for (earlier, _), (later, _) in zip(begun, begun[1:])]
    spent = np.cumsum([0.0, *(gap if gap < LONGEST_S else 0.0 for gap in between)]) / 60
    return [round(float(one), 2) for one, (_, aborted) in zip(spent, begun) if not aborted]


def of_stage1(folder: Path) -> dict[str, Any]:
    """Return the robot's time, the outcome, the learning curve and the nodes of a stage 1.

    `not counted` is the number of recorded episodes that the learner has not counted, `repeated`
    how often its own count did not continue.
    """
    outcome = read_outcome(folder)
    # Written at the end of a stage 1.
    assert outcome is not None
    curve = [[row[key] for key in CURVE] for row in read_metrics(folder)]
    files = {name: folder / name for name in (HEALTH_FILE, FAULTS_FILE)}
    read = {name: json.loads(one.read_text()) for name, one in files.items() if one.exists()}
    starts = read.get(HEALTH_FILE, [])
    episodes = [row[CURVE.index('episodes')] for row in curve]
    begun = minutes(folder)
    return {
        'robot_minutes': begun[-1],
        'env_steps': outcome['env_steps'],
        'episodes': outcome['rl_episodes'],
        ', '.join(CURVE): curve,
        'minutes': begun,
        'starts': len(starts),
        'not counted': len(begun) - outcome['rl_episodes'],
        'repeated': sum(later != earlier + 1 for earlier, later in zip(episodes, episodes[1:])),
        # Those of the longest start.
        'nodes': max(starts, key=_seconds, default=None),
        **({'faults': read[FAULTS_FILE]['faults']} if FAULTS_FILE in read else {}),
    }


def _seconds(nodes: Mapping[str, Mapping[str, Any]]) -> int:
    return max((int(one['seconds']) for one in nodes.values()), default=0)


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
        figure.set_size_inches(16, 4.2)
        figure.axes[0].tick_params(axis='x', labelsize=8)
        save_png(figure, IMAGES / 'twin_objects.png')
    curves = {task: one for task, one in found.items() if 'robot_minutes' in one}
    curves |= {f'carrot, {name}': one for name, one in variants.items() if 'robot_minutes' in one}
    if curves:
        save_png(curves_chart(curves), IMAGES / 'twin_curves.png')


def curves_chart(curves: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Return success while exploring over the robot's time, a line for each stage 1.

    An episode with a person's command is no success of the policy.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(8, 4), layout='constrained')
        axes = figure.subplots()
        for name, one in curves.items():
            rows = np.array(one[', '.join(CURVE)])
            # An episode that is not counted has a time, but no row.
            count = min(len(rows), len(one['minutes']))
            if count < WINDOW:
                continue
            gained = np.diff(rows[:count], axis=0, prepend=0)
            alone = gained[:, CURVE.index('interventions')] == 0
            newest = gained[:, CURVE.index('successes')] * alone
            shown = np.convolve(newest, np.ones(WINDOW) / WINDOW, 'valid')
            axes.plot(one['minutes'][WINDOW - 1 : count], shown, label=name)
        axes.set(
            ylim=(-0.02, 1.02),
            xlabel='robot time, resets included [min]',
            ylabel=f'success of the newest {WINDOW} episodes,\nexploring, without a person',
        )
        axes.legend()
    return figure


FILE = ResultsFile(results.ROOT / 'docs/results/twin.json', ('objects', 'variants'), draw)
