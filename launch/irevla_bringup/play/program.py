# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Let a policy act in Meta-World or on a simulated Panda over ROS, live on a page at 127.0.0.1."""

import argparse
from collections.abc import Mapping, Sequence
import contextlib
from dataclasses import dataclass
import json
import os
from pathlib import Path
import subprocess
import time
import webbrowser

from irevla_bringup.launched_graphs import Graph, GraphError, running_graph, tail
from irevla_bringup.play.shipped import CHECKPOINT, PANDA_POLICY, POLICY, SCORES
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


@dataclass(frozen=True)
class World:
    """Where a policy acts.

    Attributes:
        what: words for it.
        policy: folder of the shipped policy, with its card.
        launch_file: the launch file.
        arguments: its arguments, in addition to those of both.
        following: what to try next, and what it does.

    """

    what: str
    policy: Path
    launch_file: str
    arguments: Mapping[str, object]
    following: Mapping[str, str]


METAWORLD = World(
    'in Meta-World: simulator, policy and page',
    POLICY,
    'sim.launch.py',
    {'mode': 'real_time'},
    {
        'irevla collect tasks:=drawer-open episodes:=20 bags:=runs/drawer': 'demonstrations of a '
        'script',
        'irevla play --panda': 'the same on a simulated Panda',
        'make demo': 'all stages, in six to ten minutes',
        'docs/tutorial.md': 'step by step to your own task',
    },
)
PANDA = World(
    'on a simulated Panda: arm, cameras, policy, scripted operator and page',
    PANDA_POLICY,
    'robot.launch.py',
    # As in config/twin/algorithm1.yaml.
    {'use_fake_hardware': 'true', 'operator': 'scripted', 'fps': 10, 'horizon': 100},
    {
        'docs/hardware.md': 'the same launch file with a real arm',
        'make twin': 'demonstrations, stages 0, 1 and 2 on it, in hours of real time',
    },
)


def main(arguments: Sequence[str] | None = None, prog: str = 'irevla play') -> None:
    """Play with the arguments of the command line."""
    options = _options(arguments, prog)
    world = PANDA if options.panda else METAWORLD
    checkpoint = (options.checkpoint or world.policy / CHECKPOINT).absolute()
    cameras = _cameras(checkpoint)
    tasks = options.tasks or ','.join(_shipped_tasks(world.policy))
    with bind(options.port) as listener:
        port = listener.getsockname()[1]
    page = f'http://127.0.0.1:{port}/'
    began = time.monotonic()
    log = options.output / 'play.log'
    with writing(options.output, 'give --output FOLDER'):
        options.output.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
    print(f'A policy ({checkpoint}) acts {world.what} are ROS nodes.\nTheir output is in {log}.')
    graph = Graph(
        world.launch_file,
        {
            'checkpoint': checkpoint,
            'tasks': tasks,
            'episodes': EPISODES,
            'linger': LINGER,
            # A robot's graph in the same ROS domain does not get its commands.
            'namespace': 'play',
            'view': 'true',
            'view_port': port,
            **({'cameras': ','.join(cameras)} if options.panda else {}),
            **world.arguments,
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
        print(_next(world), flush=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(options.seconds)
            raise GraphError(ended(log))


def _next(world: World) -> str:
    width = max(map(len, world.following))
    lines = [f'  {command:{width}}  {what}' for command, what in world.following.items()]
    return '\n'.join(
        ['Next:', '  choose a task and a camera on the page', *lines, 'Ctrl-C ends it.']
    )


def ended(log: Path) -> str:
    """Return the text of the error that a graph has ended by itself."""
    return f'the graph has ended; its log {log} ends with:\n{tail(log)}'


def _options(arguments: Sequence[str] | None, prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog=prog)
    parser.add_argument(
        '--panda', action='store_true', help='on a simulated Panda, instead of in Meta-World'
    )
    parser.add_argument(
        '--checkpoint',
        type=Path,
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
            f'--checkpoint {checkpoint} is no folder of a policy: {error!r}; '
            'leave it out for the shipped one'
        ) from error


def _shipped_tasks(policy: Path) -> list[str]:
    """Return the tasks of a shipped policy's card, those that it solves most often first."""
    scores = json.loads((policy / SCORES).read_text())['tasks']
    return sorted(scores, key=lambda task: -scores[task]['success_rate'])


def _has_screen() -> bool:
    return bool(os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY'))


if __name__ == '__main__':
    run_command(main, 'irevla play', 'stopped')
