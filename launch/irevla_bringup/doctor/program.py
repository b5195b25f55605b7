# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""`irevla doctor`: what of a lab's machine is wrong, and the remedy."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
import json
import os
from pathlib import Path
import textwrap

from irevla_bringup.doctor import (
    cameras,
    disk,
    gpu,
    mouse,
    network,
    realtime,
    ros_domain,
    versions,
    vlm_size,
)
from irevla_bringup.doctor.result import Result, problem

ROOT = Path('/')
SETUP = Path(__file__).resolve().parents[3] / 'setup'
MARKS = {'ok': 'ok', 'warning': 'WARNING', 'problem': 'PROBLEM', 'not applicable': '-'}
WIDTH = 100
Check = Callable[[], Result]


def main(arguments: list[str] | None = None, prog: str = 'irevla doctor') -> int:
    """Run all checks and print their results; return 1 if one found a problem."""
    parser = argparse.ArgumentParser(
        prog,
        description='Check this machine, its devices and the network to the robot. Nothing is '
        'changed and nothing needs root; run it while no arm moves.',
    )
    parser.add_argument('--robot', default='', metavar='HOST', help='name or address of the robot')
    parser.add_argument('--folder', type=Path, help='of recordings: its space and speed')
    parser.add_argument('--preset', type=Path, help='YAML file of a model: the memory for it')
    parser.add_argument('--json', action='store_true', help='print JSON in place of the table')
    options = parser.parse_args(arguments)
    results = {}
    for name, check in checks(options.robot, options.folder, options.preset).items():
        results[name] = guarded(check)
        if not options.json:
            print('\n'.join(table_lines(name, results[name])), flush=True)
    counts = {
        status: sum(result.status == status for result in results.values()) for status in MARKS
    }
    if options.json:
        listed = [{'check': name, **asdict(result)} for name, result in results.items()]
        print(json.dumps({'checks': listed, 'counts': counts}, indent=2))
    else:
        print(f'\nproblems: {counts["problem"]}, warnings: {counts["warning"]}')
    return 1 if counts['problem'] else 0


def checks(robot: str, folder: Path | None, preset: Path | None) -> dict[str, Check]:
    """Return all checks by name, in order."""
    environment, arm = os.environ, bool(robot)
    return {
        'real-time kernel': partial(realtime.kernel, ROOT, arm),
        'real-time priority': partial(realtime.priority, ROOT, arm),
        'locked memory': partial(realtime.locked_memory, ROOT),
        'clock of the cores': partial(realtime.governor, ROOT),
        'robot: name': partial(network.name, robot),
        'robot: interface': partial(network.interface, ROOT, robot),
        'robot: FCI': partial(network.control_interface, ROOT, robot),
        'robot: round trip': partial(network.round_trip, robot),
        'cameras: USB speed': partial(cameras.speed, ROOT),
        'cameras: access': partial(cameras.access, ROOT),
        'SpaceMouse: access': partial(mouse.access, ROOT),
        'disk: space': partial(disk.space, folder),
        'disk: speed': partial(disk.speed, folder),
        'ROS 2: settings': partial(ros_domain.settings, environment),
        'ROS 2: neighbours': partial(ros_domain.neighbours, environment),
        'GPU: driver': lambda: gpu.driver(ROOT, gpu.torch_build()),
        'GPU: memory': lambda: gpu.memory(
            ROOT, preset, gpu.gpus(), vlm_size.hub_cache(environment)
        ),
        'Python': partial(versions.python, environment),
        'packages': lambda: versions.packages(SETUP, versions.installed_packages()),
    }


def guarded(check: Check) -> Result:
    """Return a check's result; a check that fails is a problem too, and ends no other."""
    try:
        return check()
    except Exception as error:  # any library may be broken on the machine that is checked
        return problem(
            f'the check itself failed: {type(error).__name__}: {" ".join(str(error).split())}',
            'make setup; report it if it stays',
        )


def table_lines(name: str, result: Result) -> Iterator[str]:
    """Yield the lines of a result in the table: mark, name, finding; below it the remedy."""
    found = textwrap.wrap(result.found, WIDTH - 30) or ['']
    yield f'{MARKS[result.status]:<9}{name:<20} {found[0]}'
    yield from (f'{"":<30}{line}' for line in found[1:])
    for number, line in enumerate(textwrap.wrap(result.remedy, WIDTH - 33)):
        yield f'{"":<30}{"-> " if not number else "   "}{line}'
