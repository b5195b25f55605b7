# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The report's pages: report.md, and report.html, which needs no other files but videos."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import os
from pathlib import Path
from shlex import quote
from typing import Any

import cv2
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from irevla_control.files import write_synced
from irevla_learner.report.video import Clip, film_strip
from irevla_learner.runs.evaluation import EpisodeResult

TEMPLATES = Path(__file__).parent / 'templates'
FILES = (
    ('report.json', 'the numbers of this page'),
    ('demonstrations', 'recorded demonstrations, one rosbag2 per episode'),
    ('stage0', 'the policy trained on them, its training, its evaluated episodes'),
    ('stage1', 'the trained head; replay, metrics and recorded episodes of its training'),
    ('stage2', 'the whole policy after both'),
    ('plots', 'pictures for slides and papers'),
    ('logs', 'output of the nodes'),
    ('manifest.json', 'configuration, seed, finished steps'),
)
GROUPS = {
    'expert': 'expert tasks',
    'rl': 'new tasks, learned online',
    'held_out': 'held-out tasks, only evaluated',
}


@dataclass(frozen=True)
class Picture:
    """A plot: its file in the run folder, its caption, and the plot as an <svg> element."""

    path: Path
    caption: str
    svg: str


def write_pages(
    folder: Path,
    report: Mapping[str, Any],
    pictures: Sequence[Picture],
    strips: Sequence[tuple[EpisodeResult, Clip]],
    videos: Sequence[tuple[Path, str]],
) -> None:
    """Write report.html and report.md.

    Args:
        folder: the run folder.
        report: contents of report.json.
        pictures: plots.
        strips: episodes to show as pictures.
        videos: path in the folder, and caption.

    """
    stages = report['stages']
    whole = {
        group: [report[stage]['groups'][group] for stage in stages]
        for group in GROUPS
        if group in report[stages[0]]['groups']
    }
    tasks = {
        group: {
            task: [report[stage][group][task] for stage in stages]
            for task in report[stages[0]][group]
        }
        for group in whole
    }
    context = {
        'run': folder.resolve().name,
        'report': report,
        'stages': stages,
        'groups': GROUPS,
        'headline': 'rl' if 'rl' in whole else next(iter(whole)),
        'whole': whole,
        'tasks': tasks,
        'total_s': sum(filter(None, report['wall_s'].values())),
        'strips': [
            {
                'task': result.task,
                'label': clip.label,
                'success': clip.success,
                'steps': len(clip),
                'picture': _data_url(clip),
            }
            for result, clip in strips
        ],
        'pictures': [
            {'path': picture.path, 'caption': picture.caption, 'svg': Markup(picture.svg)}
            for picture in pictures
        ],
        'videos': videos,
        'node_graph': Markup((TEMPLATES / 'node_graph.svg').read_text()),
        'files': [(path, meaning) for path, meaning in FILES if (folder / path).exists()],
        'next_steps': next_steps(folder, stages[-1], report['tasks']),
    }
    for name in ('report.html', 'report.md'):
        # Special characters are escaped in HTML only.
        engine = Environment(
            loader=FileSystemLoader(TEMPLATES),
            undefined=StrictUndefined,
            autoescape=name.endswith('html'),
            trim_blocks=True,
            lstrip_blocks=True,
        )
        engine.filters |= {'percent': percent, 'number': number, 'duration': duration}
        engine.globals['interval'] = interval_bar
        write_synced(folder / name, engine.get_template(f'{name}.j2').render(context))


def next_steps(
    folder: Path, stage: str, tasks: Mapping[str, Sequence[str]]
) -> list[tuple[str, str]]:
    """Return suggested next steps, each with its command."""
    inside = folder.resolve().is_relative_to(Path.cwd())
    run = os.path.relpath(folder) if inside else str(folder.resolve())
    checkpoint = quote(f'checkpoint:={run}/{stage}/checkpoint')
    task = next((task for group in ('rl', 'expert', 'held_out') for task in tasks[group]), '')
    return [
        (
            'Run the trained policy again, in a shell that has sourced env.sh:',
            f'ros2 launch irevla_bringup sim.launch.py {checkpoint} tasks:={task} episodes:=5',
        ),
        (
            'Train it online on another task:',
            f'ros2 launch irevla_bringup stage1.launch.py {checkpoint} '
            'tasks:=drawer-open-new output:=runs/drawer bags:=runs/drawer/episodes '
            'results:=runs/drawer/episodes.json',
        ),
        ('Watch the graph from a second shell:', 'ros2 topic hz /policy_step'),
        ('Write this report again:', f'python -m irevla_learner.report {quote(run)}'),
    ]


def percent(value: float | None, digits: int = 0) -> str:
    """Return a share as text, such as '78 %'."""
    return '–' if value is None else f'{100 * value:.{digits}f}\N{NO-BREAK SPACE}%'


def number(value: float | None, digits: int) -> str:
    """Return a number with this number of decimals."""
    return '–' if value is None else f'{value:,.{digits}f}'.replace(',', ' ')


def duration(seconds: float | None) -> str:
    """Return a time as text, such as '4 min 05 s'."""
    if seconds is None:
        return '–'
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f'{hours} h {minutes:02d} min'
    return f'{minutes} min {rest:02d} s' if minutes else f'{rest} s'


def interval_bar(figures: Mapping[str, Any]) -> Markup:
    """Return a line from 0 to 1 with the interval as a band and the rate as a mark."""
    low, high = figures['interval']
    mark = ''
    if figures['success_rate'] is not None:
        mark = f'<u style="left: {100 * figures["success_rate"]:.2f}%"></u>'
    return Markup(
        f'<div class="interval"><i style="left: {100 * low:.2f}%; '
        f'width: {100 * (high - low):.2f}%"></i>{mark}</div>'
    )


def _data_url(clip: Clip) -> str:
    picture = cv2.cvtColor(film_strip(clip), cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return 'data:image/jpeg;base64,' + base64.b64encode(data.tobytes()).decode()
