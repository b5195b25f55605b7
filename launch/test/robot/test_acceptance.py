# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The acceptance of an arm: all ten checks on the simulated arm; the answer no ends it."""

import json
import subprocess
import sys
import time

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import UInt8MultiArray
import yaml

from irevla_bringup.acceptance.program import NAMES
from irevla_bringup.acceptance.protocol import Check, CheckError, Protocol
from irevla_control.errors import BagError
from irevla_control.ros.qos import EVENT, OBSERVATION, RECORD
from irevla_control.teleop.hid_reports import FULL, button_report, translation_report
from irevla_msgs.msg import EpisodeState, RobotState

VERDICT = 1
# In a larger box the slow arm would move for minutes.
LAB = {
    '/**/franka': {
        'ros__parameters': {
            'box_low': [0.43, -0.02, 0.28],
            'box_high': [0.52, 0.02, 0.32],
            'max_tilt': 0.1,
            'home_spread': [0.0, 0.0, 0.0],
            'home_spread_yaw': 0.0,
        }
    }
}
# Distance that the mouse moves the arm [m], of which the check needs 0.03; pause after it [s].
PUSHED, PAUSE_S = 0.05, 3.0


def protocol(tmp_path, answers):
    answers = iter(answers)
    return Protocol(
        tmp_path / 'acceptance.json', {'robot_ip': 'x'}, lambda _: next(answers), lambda _: None
    )


def written(folder):
    return json.loads((folder / 'acceptance.json').read_text())


def a_check(name='home', run=dict):
    return Check(name, 'It moves.', run, 'Did it move?')


def test_the_answer_yes_to_all_and_a_name_sign_the_protocol(tmp_path):
    one = protocol(tmp_path, ['yes', 'what?', 'y', 'A. Person'])
    assert one.run([a_check(run=lambda: {'off_mm': 1.0})])
    assert not written(tmp_path)['signed_off']
    assert one.sign()
    content = written(tmp_path)
    assert content['signed_off'] and content['by'] == 'A. Person' and content['signed']
    assert content['checks'][0]['measured'] == {'off_mm': 1.0}
    assert set(content['checks'][0]['asked'].values()) == {'yes'}


def test_a_protocol_without_a_name_is_not_signed(tmp_path):
    one = protocol(tmp_path, ['yes', 'yes', ' '])
    assert one.run([a_check()]) and not one.sign()
    assert not written(tmp_path)['signed_off']


def fails(error):
    def run():
        raise error

    return run


@pytest.mark.parametrize(
    ('answers', 'run', 'problem'),
    [
        (['no'], dict, 'Ready'),
        (['yes', 'no'], dict, 'Did it move'),
        (['yes'], fails(CheckError('3 mm beside')), '3 mm beside'),
        (['yes'], fails(BagError('torn')), 'torn'),
    ],
)
def test_the_first_failed_check_ends_the_run_and_is_written(tmp_path, answers, run, problem):
    one = protocol(tmp_path, answers)
    assert not one.run([a_check(run=run), a_check('box')])
    (check,) = written(tmp_path)['checks']
    assert not check['passed'] and problem in check['problem']


class Person:
    """Moves the mouse and presses its button to record a demonstration."""

    def __init__(self, log):
        self._log = log
        self.node, self.executor = rclpy.create_node('person'), SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self._reports = self.node.create_publisher(UInt8MultiArray, 'spacemouse_reports', RECORD)
        self._phase, self._x = None, None
        self.node.create_subscription(EpisodeState, 'episode', self._on_episode, EVENT)
        self.node.create_subscription(RobotState, 'robot_state', self._on_state, OBSERVATION)

    def _on_episode(self, message):
        self._phase = message.phase

    def _on_state(self, message):
        self._x = message.pose.position.x

    def wait(self, condition, what):
        end = time.monotonic() + 150
        while not condition():
            assert time.monotonic() < end, what
            self.executor.spin_once(timeout_sec=0.02)

    def report(self, data):
        self._reports.publish(UInt8MultiArray(data=data))

    def press(self):
        self.report(button_report(VERDICT))
        time.sleep(0.1)
        self.report(button_report())

    def demonstrate(self):
        self.wait(
            lambda: self._log.exists() and 'then press success' in self._log.read_text(),
            'the request to begin',
        )
        self.press()
        self.wait(lambda: self._phase == EpisodeState.PHASE_RUNNING, 'an episode')
        start = self._x

        def far():
            self.report(translation_report(back=-FULL))
            return self._x - start > PUSHED

        self.wait(far, 'motion')
        self.report(translation_report())
        time.sleep(PAUSE_S)
        self.press()


@pytest.mark.alone
def test_all_ten_checks_pass_on_the_simulated_arm(tmp_path):
    lab = tmp_path / 'lab.yaml'
    lab.write_text(yaml.safe_dump(LAB))
    rclpy.init()
    with (tmp_path / 'log').open('w') as log:
        process = subprocess.Popen(
            [
                sys.executable,
                '-m',
                'irevla_bringup.acceptance.program',
                '--use-fake-hardware',
                '--params-file',
                lab,
                '--output',
                tmp_path,
                '--fps',
                '6',
            ],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            text=True,
        )
    try:
        process.stdin.write('yes\n' * 2 * len(NAMES) + 'A. Person\n')
        process.stdin.flush()
        Person(tmp_path / 'teleop.log').demonstrate()
        assert process.wait(120) == 0
    finally:
        process.kill()
        rclpy.shutdown()
        print((tmp_path / 'log').read_text())
    content = written(tmp_path)
    assert content['signed_off'] and content['by'] == 'A. Person' and content['simulated']
    assert [check['name'] for check in content['checks']] == list(NAMES)
    assert content['checks'][7]['measured']['way_mm'][0] > 25, 'away from the person'
    assert (tmp_path / 'front.png').stat().st_size > 1000
