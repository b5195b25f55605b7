# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The table of commands of `irevla`; a new command is an entry here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from irevla_bringup.cli.launch_file import LaunchFile
from irevla_bringup.cli.python_program import PythonProgram


@dataclass(frozen=True)
class Variant:
    """What a command does with an option such as `--robot`, in place of its default.

    Attributes:
        what: one line of help.
        program: what runs.

    """

    what: str
    program: LaunchFile | PythonProgram


@dataclass(frozen=True)
class Command:
    """A command of `irevla`.

    Attributes:
        group: heading of `irevla --help`.
        what: one line of help.
        example: a whole command line.
        program: what runs.
        variants: what runs in its place, by the option that selects it.

    """

    group: str
    what: str
    example: str
    program: LaunchFile | PythonProgram
    variants: Mapping[str, Variant] = field(default_factory=dict)


START, DATA, POLICY, MACHINE = 'Begin here', 'Data', 'Policy', 'This machine'
COMMANDS = {
    'play': Command(
        START,
        'watch a small policy in Meta-World, or on a simulated arm (--panda), on a local page',
        'irevla play --tasks door-open-new,drawer-close',
        PythonProgram('irevla_bringup.play.program'),
    ),
    'collect': Command(
        DATA,
        'record demonstrations of a scripted expert in the simulator',
        'irevla collect tasks:=drawer-open episodes:=20 bags:=runs/drawer',
        LaunchFile('collect.launch.py'),
        {'--robot': Variant('of a person on the robot', LaunchFile('teleop.launch.py'))},
    ),
    'episodes': Command(
        DATA,
        'list recorded episodes',
        'irevla episodes runs/drawer',
        PythonProgram('irevla_control.bags.index'),
        {
            '--recover': Variant(
                'repair the episodes of a killed recorder or a torn copy',
                PythonProgram('irevla_control.recording.recovery'),
            )
        },
    ),
    'export': Command(
        DATA,
        'write recorded episodes as a LeRobotDataset v3.0',
        'irevla export --bags runs/drawer --output runs/drawer_lerobot',
        PythonProgram('irevla_control.lerobot.export'),
    ),
    'train': Command(
        POLICY,
        'train a policy on recorded episodes: stage 0, and with --init stage 2',
        'irevla train --data runs/drawer --preset config/presets/tiny.yaml --output runs/policy',
        PythonProgram('irevla_policy.training.train', continues=True),
        {
            '--classifier': Variant(
                "a success classifier on a policy's latents",
                PythonProgram('irevla_learner.classifier.train'),
            )
        },
    ),
    'improve': Command(
        POLICY,
        'improve a policy on one task by online reinforcement learning: stage 1',
        'irevla improve checkpoint:=runs/policy/checkpoint tasks:=drawer-open output:=runs/rl',
        LaunchFile('stage1.launch.py', needs='output'),
        {
            '--robot': Variant('on the robot', LaunchFile('robot.launch.py', needs='output')),
            '--algorithm1': Variant(
                'stages 1 and 2 on a list of tasks, over ROS',
                PythonProgram('irevla_bringup.algorithm1', continues=True),
            ),
            '--algorithm1-in-process': Variant(
                'the same, faster, without ROS',
                PythonProgram('irevla_learner.algorithm1.program', continues=True),
            ),
        },
    ),
    'evaluate': Command(
        POLICY,
        'let a policy act in the simulator and count its successes',
        'irevla evaluate checkpoint:=runs/policy/checkpoint tasks:=drawer-open episodes:=20',
        LaunchFile('sim.launch.py'),
        {'--robot': Variant('on the robot', LaunchFile('robot.launch.py', refuses='output'))},
    ),
    'doctor': Command(
        MACHINE,
        'check this machine, its devices and the network to the robot',
        'irevla doctor --robot 172.16.0.2 --folder runs --preset config/presets/tiny.yaml',
        PythonProgram('irevla_bringup.doctor.program'),
    ),
}
# Programs with another way to start: (command line, what it does).
OTHERS = (
    ('ros2 run irevla_control stop', 'stop the arm, from any shell, as any user'),
    ('ros2 run irevla_control acceptance', 'ten checks of the first day on an arm'),
    ('ros2 launch irevla_bringup replay.launch.py', 'repeat a recorded episode'),
    ('python -m irevla_learner.encode', 'demonstrations as latents, for stage 1 elsewhere'),
    ('python -m irevla_learner.report RUN', 'write the report of a run again'),
    ('python -m irevla_bringup.play.policy', 'make the policy of irevla play again'),
    ('python -m irevla_bringup.demo', 'demonstrations, stages 0, 1 and 2, evaluation, report'),
)
