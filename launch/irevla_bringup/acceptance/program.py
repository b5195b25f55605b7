# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The first day on an arm, as ten checks at 0.05 m/s: ``ros2 run irevla_control acceptance``.

Before each check a person allows the motion; after it the person confirms the result. The first
answer "no" ends the acceptance with the arm stopped. FOLDER/acceptance.json contains measurements
and answers, and at the end the name of the person who signs it.
"""

import argparse
from collections.abc import Iterator, Sequence
import contextlib
from functools import partial
from pathlib import Path
import platform
import sys
import time
from typing import Any

from ament_index_python.packages import get_package_share_directory
import rclpy
from rclpy.signals import SignalHandlerOptions
import yaml

from irevla_bringup.acceptance.arm_checks import ArmChecks
from irevla_bringup.acceptance.cell_checks import CellChecks
from irevla_bringup.acceptance.lab import SLOW, Lab
from irevla_bringup.acceptance.protocol import Check, Protocol
from irevla_bringup.robot import CAMERAS, FPS
from irevla_control.errors import IrevlaError
from irevla_control.franka.franky_version import installed
from irevla_control.parameters.blocks import PARAMETERS_KEY, Block, read_blocks
from irevla_control.processes import run_command
from irevla_sim.panda.process import PandaProcess

NAMES = (
    'home',
    'box',
    'tilt',
    'stop',
    'recover',
    'hand',
    'cameras',
    'mouse',
    'recording',
    'replay',
)
# Checks that must run before a check.
NEEDS = {'recover': ('stop',), 'mouse': NAMES[6:7], 'recording': NAMES[6:8], 'replay': NAMES[6:9]}
# Nodes that only the other launch file starts; their blocks would be refused.
OTHERS = {'teleop.launch.py': ('replay',), 'replay.launch.py': ('spacemouse', 'recorder')}


def main() -> None:
    """Run the acceptance; status 0 if all checks passed and it is signed."""
    run_command(accept, 'acceptance')


def accept() -> int:
    """Run the acceptance; return 0 if all checks passed and it is signed, else 1."""
    options = parsed()
    folder = options.output.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    # `run_command` handles Ctrl-C; rclpy's handler would shut down the context of the checks.
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    end = 'NOT passed'
    try:
        with contextlib.ExitStack() as stack:
            end = accepted(options, folder, stack)
    except (IrevlaError, OSError, KeyboardInterrupt, EOFError) as error:
        print(f'acceptance: {type(error).__name__}: {error}', file=sys.stderr)
    rclpy.try_shutdown()
    print(f'acceptance: {end}; see {folder}')
    return int(end != 'signed')


def parsed() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser('ros2 run irevla_control acceptance', description=__doc__)
    parser.add_argument('--robot-ip', default='', help='address of the robot')
    parser.add_argument(
        '--cameras', default=CAMERAS, help='names of the cameras; the first one gives the stamps'
    )
    parser.add_argument(
        '--serials', default='', help='serial numbers of the cameras, in the same order'
    )
    parser.add_argument('--fps', type=int, default=FPS, help='rate of images [Hz]')
    parser.add_argument(
        '--task',
        default='pick-red-block',
        help="task of the demonstration, one of robot_episode's `tasks`",
    )
    parser.add_argument('--params-file', type=Path, help='YAML file of your lab')
    parser.add_argument(
        '--output',
        type=Path,
        default=Path(f'runs/acceptance_{time.strftime("%Y%m%d_%H%M%S")}'),
        help='folder of acceptance.json, images, the recording and logs, a new '
        'one for each run; default: runs/acceptance_ and the time',
    )
    parser.add_argument(
        '--checks',
        default=','.join(NAMES),
        help='names of the checks to run; only a run of all can be signed',
    )
    parser.add_argument(
        '--use-fake-hardware', action='store_true', help='a simulated Panda, cameras and mouse'
    )
    options = parser.parse_args()
    wanted = set(options.checks.split(','))
    unknown = wanted - set(NAMES)
    if unknown:
        parser.error(f'--checks: {", ".join(sorted(unknown))} is none of {", ".join(NAMES)}')
    for name in filter(wanted.__contains__, NAMES):
        if not wanted.issuperset(NEEDS.get(name, ())):
            parser.error(f'--checks: {name} needs {", ".join(NEEDS[name])} before it; add it')
    if not options.robot_ip and not options.use_fake_hardware:
        parser.error('--robot-ip is missing; give the address of the robot')
    if options.params_file and not options.params_file.is_file():
        parser.error(f'--params-file: {options.params_file} does not exist')
    for name in ('acceptance.json', 'bags'):
        if (options.output / name).exists():
            parser.error(
                f'--output: {options.output} contains {name} of an earlier run; '
                'choose another folder'
            )
    return options


def accepted(options: argparse.Namespace, folder: Path, stack: contextlib.ExitStack) -> str:
    """Run the selected checks; return the outcome.

    When the acceptance ends for any reason, the arm's node brakes the arm and ends too.
    """
    wanted = options.checks.split(',')
    own = read_blocks(options.params_file) if options.params_file else []
    panda = PandaProcess() if options.use_fake_hardware else None
    if panda:
        stack.callback(panda.stop)
        options.robot_ip = panda.address
    lab = Lab()
    stack.callback(lab.close)
    protocol = Protocol(
        folder / 'acceptance.json',
        {
            'robot_ip': options.robot_ip,
            'simulated': bool(panda),
            'franky': installed(),
            'machine': f'{platform.node()} {platform.release()}',
            'params_file': options.params_file.read_text() if options.params_file else '',
        },
        input,
        partial(print, flush=True),
    )
    first = [check for check in ArmChecks(lab).checks() if check.name in wanted]
    slow = slow_parameters(own, folder / 'franka.yaml')
    with (
        lab.running(arm_node(options, slow), folder / 'franka.log')
        if first
        else contextlib.nullcontext()
    ):
        if first:
            lab.wait_for_arm()
        if not protocol.run(first):
            return 'NOT passed'
    cell = CellChecks(
        lab,
        partial(launched, lab, options, panda, own, folder),
        options.cameras.split(','),
        options.fps,
        folder,
    )
    stack.callback(cell.close)
    second: list[Check] = [check for check in cell.checks() if check.name in wanted]
    if not protocol.run(second):
        return 'NOT passed'
    if set(wanted) != set(NAMES):
        return f'passed {", ".join(wanted)}, not signed: all ten checks are needed in one run'
    return 'signed' if protocol.sign() else 'passed, but not signed: no name was given'


def slow_parameters(own: Sequence[Block], file: Path, without: Sequence[str] = ()) -> Path:
    """Write the lab's blocks with low speeds, without the blocks of some nodes."""
    content: dict[str, Any] = {}
    for block in own:
        if block.node not in without:
            given = content.setdefault(block.name, {PARAMETERS_KEY: {}})[PARAMETERS_KEY]
            given |= {entry.name: entry.value for entry in block.entries}
    content.setdefault('/**/franka', {PARAMETERS_KEY: {}})[PARAMETERS_KEY] |= SLOW
    # In order: the last block has precedence.
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    return file


def arm_node(options: argparse.Namespace, slow: Path) -> list[str]:
    """Return the command that starts the arm's node alone."""
    config = Path(get_package_share_directory('irevla_bringup')) / 'config/franka.yaml'
    fake = ['-p', 'realtime:=false', '-p', 'connect_timeout_s:=60.0', '-p', 'held_back_s:=40.0']
    return [
        'ros2',
        'run',
        'irevla_control',
        'franka_node',
        '--ros-args',
        '-r',
        '__node:=franka',
        '--params-file',
        str(config),
        '--params-file',
        str(slow),
        '-p',
        f'robot_ip:={options.robot_ip}',
        *(fake if options.use_fake_hardware else []),
    ]


@contextlib.contextmanager
def launched(
    lab: Lab,
    options: argparse.Namespace,
    panda: PandaProcess | None,
    own: Sequence[Block],
    folder: Path,
    file: str,
    arguments: dict[str, object],
) -> Iterator[None]:
    """Run a launch file with this lab's hardware during the block."""
    name = file.split('.')[0]
    slow = slow_parameters(own, folder / f'{name}.yaml', OTHERS[file])
    words = {
        'robot_ip': options.robot_ip,
        'cameras': options.cameras,
        'fps': options.fps,
        'serials': options.serials,
        'params_file': slow,
        **arguments,
    }
    if file == 'teleop.launch.py':
        words |= {
            'tasks': options.task,
            'image_size': 224,
            'operator': 'fake_spacemouse' if panda else 'spacemouse',
        }
    if panda:
        words |= {'use_fake_hardware': 'true', 'scene': panda.name}
    command = [
        'ros2',
        'launch',
        'irevla_bringup',
        file,
        *(f'{key}:={value}' for key, value in words.items() if str(value)),
    ]
    with lab.running(command, folder / f'{name}.log'):
        yield


if __name__ == '__main__':
    main()
