# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Injects faults into a running robot graph and measures when the arm rests.

``python -m irevla_bringup.faults --help``. Run it after a change of limits or times in config/.
"""

import argparse
from dataclasses import asdict
import json
import os
from pathlib import Path
import signal
import sys
import tempfile

import numpy as np
import rclpy

from irevla_bringup.faulty_robot import FaultyRobot, Reaction
from irevla_control.errors import IrevlaError
from irevla_control.progress_bar import progress_bar
from irevla_sim.panda.process import LOST_PACKETS


def main() -> None:
    """Measure the reactions to all faults, and print them as a table."""
    parser = argparse.ArgumentParser('python -m irevla_bringup.faults', description=__doc__)
    parser.add_argument('--preset', type=Path, required=True, help='YAML file of the model')
    parser.add_argument('--output', type=Path, help='JSON file of the reactions')
    parser.add_argument(
        '--repeat', type=int, default=1, help='number of times that each fault is injected'
    )
    options = parser.parse_args()
    rclpy.init()
    reactions = []
    with tempfile.TemporaryDirectory() as folder:
        robot = FaultyRobot(Path(folder), options.preset)
        try:
            robot.launch()
            todo = [name for _ in range(options.repeat) for name in robot.faults()]
            for name in progress_bar(todo, 'faults', len(todo), unit='fault'):
                reactions.append(robot.react(name))
        except IrevlaError as error:
            print((Path(folder) / 'robot.log').read_text()[-4000:], file=sys.stderr)
            sys.exit(f'faults: {error}')
        finally:
            robot.close()
    rclpy.try_shutdown()
    if options.output:
        options.output.write_text(
            json.dumps(
                {
                    'lost_packets': LOST_PACKETS,
                    'cores': os.cpu_count(),
                    'reactions': [asdict(one) for one in reactions],
                },
                indent=1,
            )
        )
    print(table(reactions))


def table(reactions: list[Reaction]) -> str:
    """Return a Markdown table of the reactions: median and maximum for each fault."""
    lines = [
        '| fault | arm at rest after [s] | continues after [s] | reported as |',
        '|---|---|---|---|',
    ]
    for name in dict.fromkeys(one.fault for one in reactions):
        same = [one for one in reactions if one.fault == name]
        rests = [one.rest_s for one in same if one.rest_s is not None]
        rest = f'{np.median(rests):.2f} ({max(rests):.2f})' if rests else 'robot is off'
        again = [one.again_s for one in same]
        lines.append(
            f'| {name} | {rest} | {np.median(again):.1f} ({max(again):.1f}) | {same[-1].said} |'
        )
    return '\n'.join(lines)


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
