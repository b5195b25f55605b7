# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The program that stops the arm works for any user and reports whether the arm stopped."""

import contextlib
import importlib
import multiprocessing
import os
from pathlib import Path
import re
import shutil
import subprocess
import tempfile
import time
from xml.etree import ElementTree

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import pytest
import rclpy
from std_msgs.msg import Empty

from irevla_control.checks.own_domain import use_own_domain
from irevla_control.errors import ConfigError
from irevla_control.ros import middleware
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.executor import DirectExecutor
from irevla_control.ros.qos import COMMAND, OBSERVATION
from irevla_control.ros.stop import StopError, Stopper
from irevla_msgs.msg import RobotState

PROFILE = Path(__file__).resolve().parents[4] / 'config/fastdds.xml'
# rclpy imports these modules late, when another user may be unable to read this Python.
for late in ('rclpy.node', 'concurrent.futures.thread', 'service_msgs.msg'):
    importlib.import_module(late)
USERS = 31001, 31002


def become(user, domain, folder, shared_memory):
    """Become another user of the machine, in an rclpy of its own."""
    os.environ |= {
        'ROS_DOMAIN_ID': domain,
        'ROS_LOG_DIR': folder,
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        middleware.PROFILES: str(PROFILE),
    }
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    if not shared_memory:
        middleware.leave_shared_memory()
    rclpy.init()


class Arm:
    """Publishes robot_state like the arm's node, stopped after a request."""

    def __init__(self, stops=True):
        self.node = rclpy.create_node('franka')
        self.publisher = self.node.create_publisher(RobotState, 'robot_state', OBSERVATION)
        self.state = RobotState(mode=RobotState.MODE_READY)
        self.executor = DirectExecutor()
        self.executor.add_node(self.node)
        self.node.create_timer(0.01, lambda: self.publisher.publish(self.state))
        if stops:
            self.node.create_subscription(Empty, 'emergency_stop', self.stop, COMMAND)

    def stop(self, message):
        self.state.mode = RobotState.MODE_STOPPED


def play_arm(user, domain, folder, shared_memory, stops, pipe):
    become(user, domain, folder, shared_memory)
    arm = Arm(stops)
    pipe.send('')
    while True:
        arm.executor.spin_once()


def play_stopper(user, domain, folder, shared_memory, pipe):
    become(user, domain, folder, shared_memory)
    try:
        Stopper(rclpy.create_node('stop')).stop(3.0)
        pipe.send('stopped')
    except StopError as error:
        pipe.send(str(error))


@pytest.fixture
def domain(monkeypatch):
    return use_own_domain()


@pytest.fixture
def played(domain):
    """Run one of the functions above in a process of another user; return its pipe."""
    if os.geteuid():
        pytest.skip('only root can play two users')
    logs = tempfile.mkdtemp()
    os.chmod(logs, 0o777)
    processes, context = [], multiprocessing.get_context('forkserver')
    context.set_forkserver_preload([__name__])

    def play(function, user, *arguments):
        mine, theirs = context.Pipe(False)
        processes.append(
            context.Process(
                target=function, daemon=True, args=(user, domain, logs, *arguments, theirs)
            )
        )
        processes[-1].start()
        return mine

    yield play
    for process in processes:
        process.kill()
        process.join()
    shutil.rmtree(logs)
    # Fast DDS leaves these files of a process that is killed.
    for file in Path('/dev/shm').iterdir():
        with contextlib.suppress(OSError):
            if file.stat().st_uid in USERS:
                file.unlink()


def answer_of(pipe):
    assert pipe.poll(20)
    return pipe.recv()


@pytest.mark.parametrize(('arm', 'stopper'), [('network', 'shared'), ('shared', 'network')])
def test_a_stop_of_another_user_arrives(played, arm, stopper):
    """Programs of any user reach the arm's node; the stop program reaches any node."""
    answer_of(played(play_arm, USERS[0], arm == 'shared', True))
    assert answer_of(played(play_stopper, USERS[1], stopper == 'shared')) == 'stopped'


def run_stop(*arguments):
    return subprocess.run(
        ['ros2', 'run', 'irevla_control', 'stop', *arguments],
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_the_program_prints_the_time_until_the_arm_stopped(played):
    answer_of(played(play_arm, USERS[0], False, True))
    began = time.monotonic()
    done = run_stop()
    took_ms = 1e3 * (time.monotonic() - began)
    assert done.returncode == 0, done.stderr
    assert 50 < int(re.match(r'stopped within (\d+) ms', done.stdout)[1]) < took_ms + 20


def test_an_arm_that_does_not_stop_ends_the_program_with_its_state(played):
    answer_of(played(play_arm, USERS[0], False, False))
    done = run_stop('--within', '0.5')
    assert done.returncode != 0
    assert '0 listen to /emergency_stop' in done.stderr and 'mode 2' in done.stderr


@pytest.mark.parametrize('text', [None, 'no XML'])
def test_program_stops_the_arm_despite_an_unreadable_profile(played, monkeypatch, tmp_path, text):
    profile = tmp_path / 'profile.xml'
    if text:
        profile.write_text(text)
    monkeypatch.setenv(middleware.PROFILES, str(profile))
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    answer_of(played(play_arm, USERS[0], False, True))
    done = run_stop()
    assert done.returncode == 0 and 'stopped within' in done.stdout, done.stderr
    assert str(profile) in done.stderr and 'Traceback' not in done.stderr


def test_without_an_arm_the_program_names_topic_and_domain(domain):
    done = run_stop('--within', '0.2', '--ros-args', '-r', '__ns:=/left')
    assert done.returncode != 0
    assert f'no node listens to /left/emergency_stop of ROS_DOMAIN_ID {domain}' in done.stderr


def test_nodes_report_that_another_users_messages_are_lost(played, monkeypatch):
    """With shared memory on both sides the endpoints match, but no message arrives."""
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    answer_of(played(play_arm, USERS[0], True, True))
    rclpy.init()
    node = rclpy.create_node('camera')
    received = []
    node.create_subscription(DiagnosticArray, '/diagnostics', received.append, 10)
    executor, diagnostics = DirectExecutor(), Diagnostics(node)
    executor.add_node(node)
    while not received:
        diagnostics.publish()
        executor.spin_once(timeout_sec=0.05)
    rclpy.shutdown()
    status = received[0].status[0]
    assert status.level == DiagnosticStatus.WARN
    assert f'user {USERS[0]} runs nodes' in status.message and 'as one user' in status.message


def test_profile_without_shared_memory_keeps_all_other_settings():
    name = f'{{{middleware._SPACE}}}'.__add__
    before, after = (
        ElementTree.fromstring(text)
        for text in (PROFILE.read_text(), middleware.network_profile(PROFILE.read_text(), True))
    )
    used = [
        [each.text for each in root.iter(name('transport_id'))][2:] for root in (before, after)
    ]
    assert used == [['shared_memory', 'udp'], ['udp']]
    lists = [
        [each.text for each in root.find(f'.//{name("interfaceWhiteList")}')]
        for root in (before, after)
    ]
    assert lists == [['127.0.0.1']] * 2
    # With discovery on the network the user's own file defines where to discover.
    wide = middleware.network_profile(PROFILE.read_text(), False)
    assert 'initialPeersList' not in wide
    assert wide.count('shared_memory</transport_id>') == 1


SPACE = f' xmlns="{middleware._SPACE}"'


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        (SPACE, ''),
        (SPACE, ' xmlns="http://www.eprosima.com"'),
        ('<type>SHM</type>', '<type> SHM </type>'),
        ('<userTransports>', '<builtinTransports>LARGE_DATA</builtinTransports><userTransports>'),
    ],
)
def test_no_form_of_a_profile_keeps_shared_memory(old, new):
    text = PROFILE.read_text()
    assert old in text
    profile = middleware.network_profile(text.replace(old, new), True)
    used = ElementTree.fromstring(profile).find(f'.//{{{middleware._SPACE}}}userTransports')
    assert [each.text for each in used] == ['udp']
    assert 'LARGE_DATA' not in profile and '<address>127.0.0.1' in profile


@pytest.mark.parametrize(
    ('change', 'problem'),
    [
        (None, 'No such file'),
        (('</profiles>', ''), 'no element found'),
        (('<transport_id>udp</transport_id>', ''), 'names shared memory only'),
    ],
)
def test_a_profile_that_cannot_be_used_is_named(tmp_path, change, problem):
    profile = tmp_path / 'profile.xml'
    if change:
        profile.write_text(PROFILE.read_text().replace(*change))
    with pytest.raises(ConfigError, match=problem) as refusal:
        middleware.leave_shared_memory({middleware.PROFILES: str(profile)})
    assert str(profile) in str(refusal.value)


def test_only_other_users_in_the_same_domain_are_reported(tmp_path):
    for port in (7412, 7660):
        (tmp_path / f'fastrtps_port{port}').touch()
    (tmp_path / 'fastrtps_port7413_el').touch()
    assert list(middleware.unreachable_users(0, tmp_path)) == []
    if os.geteuid():
        pytest.skip('only root can give files away')
    for file in tmp_path.iterdir():
        os.chown(file, USERS[0], USERS[0])
    assert list(middleware.unreachable_users(0, tmp_path)) == [str(USERS[0])]
    assert list(middleware.unreachable_users(2, tmp_path)) == []
