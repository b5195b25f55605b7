# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Let a policy act in Meta-World over ROS, live on a page at 127.0.0.1."""

import argparse
from collections.abc import Sequence
import contextlib
import json
import os
from pathlib import Path
import subprocess
import time
import webbrowser

from irevla_bringup.launched_graphs import Graph, GraphError, running_graph, tail
from irevla_bringup.play.shipped import CHECKPOINT, POLICY, SCORES
from irevla_bringup.play.video import record, wait_for_picture
from irevla_control.console.ports import bind
from irevla_control.errors import ConfigError
from irevla_control.files import writing
from irevla_control.processes import run_command

# Number of episodes of each task: more than anybody watches.
EPISODES = 1000
# Commands for which an episode continues after success, so that it is seen.
LINGER = 10
STARTS_WITHIN_S = 120.0
VIDEO_S = 20.0
NEXT = """Next:
  choose a task and a camera on the page
  irevla collect tasks:=drawer-open episodes:=20 bags:=runs/drawer    demonstrations of a script
  make demo                                                    all stages, in six to ten minutes
  docs/tutorial.md                                             step by step to your own task
Ctrl-C ends it."""


def main(arguments: Sequence[str] | None = None, prog: str = 'irevla play') -> None:
    """Play with the arguments of the command line."""
    options = _options(arguments, prog)
    checkpoint = options.checkpoint.absolute()
    cameras = _cameras(checkpoint)
    tasks = options.tasks or ','.join(_shipped_tasks())
    with bind(options.port) as listener:
        port = listener.getsockname()[1]
    page = f'http://127.0.0.1:{port}/'
    began = time.monotonic()
    log = options.output / 'play.log'
    with writing(options.output, 'give --output FOLDER'):
        options.output.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
    print(
        f'A policy ({checkpoint}) acts in Meta-World: simulator, policy and page are ROS nodes.\n'
        f'Their output is in {log}.'
    )
    graph = Graph(
        'sim.launch.py',
        {
            'checkpoint': checkpoint,
            'tasks': tasks,
            'episodes': EPISODES,
            'mode': 'real_time',
            'linger': LINGER,
            # A robot's graph in the same ROS domain does not get its commands.
            'namespace': 'play',
            'view': 'true',
            'view_port': port,
        },
        log,
    )
    with running_graph(graph) as process:
        wait_for_picture(
            page,
            cameras[0],
            STARTS_WITHIN_S,
            lambda: '' if process.poll() is None else ended(log),
        )
        print(f'The first moving picture came after {time.monotonic() - began:.0f} s: {page}')
        if not _has_screen():
            file = options.output / 'play.mp4'
            print(f'There is no screen; recording {VIDEO_S:.0f} s ...', flush=True)
            record(page, cameras, file, VIDEO_S)
            print(f'{file} shows them. From another machine: ssh -L {port}:127.0.0.1:{port} HOST')
        elif not webbrowser.open(page):
            print('No browser was found; open the page yourself.')
        print(NEXT, flush=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(options.seconds)
            raise GraphError(ended(log))


def ended(log: Path) -> str:
    """Return the text of the error that a graph has ended by itself."""
    return f'the graph has ended; its log {log} ends with:\n{tail(log)}'


def _options(arguments: Sequence[str] | None, prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog=prog)
    parser.add_argument(
        '--checkpoint',
        type=Path,
        default=POLICY / CHECKPOINT,
        help='folder of a policy; default: the one that the repository ships',
    )
    parser.add_argument(
        '--tasks', default='', help='tasks to choose from, separated by commas; the first begins'
    )
    parser.add_argument('--port', type=int, default=8080, help='first port of the page to try')
    parser.add_argument(
        '--output', type=Path, default=Path('runs/play'), help='folder of the log and the video'
    )
    parser.add_argument(
        '--seconds', type=float, help='time after which it ends [s]; default: at Ctrl-C'
    )
    return parser.parse_args(arguments)


def _cameras(checkpoint: Path) -> list[str]:
    """Return the cameras of a policy.

    Raises:
        ConfigError: the folder has no policy.

    """
    try:
        cameras = list(json.loads((checkpoint / 'config.json').read_text())['cameras'])
        if not cameras:
            raise ValueError('it has no cameras')
        return cameras
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f'--checkpoint {checkpoint} is no folder of a policy: {error!r}; make policy makes one'
        ) from error


def _shipped_tasks() -> list[str]:
    """Return the tasks of the shipped policy's card, those that it solves most often first."""
    scores = json.loads((POLICY / SCORES).read_text())['tasks']
    return sorted(scores, key=lambda task: -scores[task]['success_rate'])


def _has_screen() -> bool:
    return bool(os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY'))


if __name__ == '__main__':
    run_command(main, 'irevla play', 'stopped')
