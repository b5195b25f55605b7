# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The real recorder over DDS: complete, exact, and safe against kill -9."""

import contextlib
import signal
import subprocess
import sys
import time

from diagnostic_msgs.msg import DiagnosticArray
from played_episode import CAMERAS, SECOND, TOPICS, assert_same, play, type_name
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_sensor_data
from recordings import bag_messages
from sensor_msgs.msg import Image
from std_msgs.msg import Float64
import yaml

from irevla_control.bags.index import list_episodes
from irevla_control.bags.reader import read_episode
from irevla_control.errors import BagError
from irevla_control.recording.episode_recording import STAGING
from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION
from irevla_msgs.msg import PolicyStep, RecordedEpisode, RobotState

NAMESPACE = '/recording'


class Player:
    """Publishes episodes and receives the recorder's announcements and diagnostics."""

    def __init__(self, name='player'):
        self.node = rclpy.create_node(name, namespace=NAMESPACE)
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.publishers = {}
        self.recorded, self.texts = [], []
        self.node.create_subscription(
            RecordedEpisode, 'recorded_episode', self.recorded.append, EVENT
        )
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)
        for topic, _, message in play(steps=1).messages:
            name = topic[1:]
            if name not in self.publishers:
                qos = (
                    EVENT
                    if name == 'episode'
                    else COMMAND
                    if name.endswith(('command', 'label'))
                    else OBSERVATION
                )
                self.publishers[name] = self.node.create_publisher(type(message), name, qos)

    def _on_diagnostics(self, message):
        self.texts += [status.message for status in message.status if 'recorder' in status.name]

    def spin_until(self, condition, seconds=30.0):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, 'the condition was not met in time'
            self.executor.spin_once(timeout_sec=0.05)

    def wait_for_recorder(self):
        self.spin_until(
            lambda: all(
                publisher.get_subscription_count() for publisher in self.publishers.values()
            )
        )
        # The recorder discovers the publishers a little later than they discover it.
        time.sleep(1.0)

    def wait_until_recorder_receives_all(self, root, start):
        """Play short episodes until one is recorded completely.

        A count of subscriptions is not enough: those of a killed recorder remain for a while.
        """
        for attempt in range(20):
            probe = play(f'probe_{start}_{attempt}', steps=2, start=start + attempt * SECOND)
            self.publish(probe.messages, 0.002)
            end = time.monotonic() + 2.0
            while time.monotonic() < end and all(
                report.episode_id != probe.episode_id for report in self.recorded
            ):
                self.executor.spin_once(timeout_sec=0.05)
            with contextlib.suppress(BagError):
                if len(read_episode(root / probe.episode_id, CAMERAS).stamps) == 2:
                    return
        raise AssertionError('the recorder receives not all topics')

    def wait_until_recorded(self, episode_id):
        self.spin_until(
            lambda: any(report.episode_id == episode_id for report in self.recorded), 40.0
        )

    def publish(self, messages, pause_s=0.0):
        for topic, _, message in messages:
            self.publishers[topic[1:]].publish(message)
            time.sleep(pause_s)

    def destroy(self):
        self.executor.shutdown()
        self.node.destroy_node()


def start_recorder(folder, program=('-m', 'irevla_control.recording.recorder_node'), **parameters):
    given = {
        'root': str(folder),
        'cameras': '[corner, gripper]',
        'grace_s': 0.2,
        'min_free_mb': 0,
        **parameters,
    }
    return subprocess.Popen(
        [
            sys.executable,
            *program,
            '--ros-args',
            '-r',
            f'__ns:={NAMESPACE}',
            *(word for name, value in given.items() for word in ('-p', f'{name}:={value}')),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )


def stop(process, number=signal.SIGINT):
    process.send_signal(number)
    return process.communicate(timeout=20)[1]


@pytest.fixture(scope='module', autouse=True)
def ros():
    rclpy.init()
    yield
    rclpy.try_shutdown()


@pytest.fixture
def player():
    result = Player()
    yield result
    result.destroy()


@pytest.fixture
def recorder(tmp_path, player):
    process = start_recorder(tmp_path)
    try:
        player.wait_for_recorder()
        yield process
    finally:
        process.kill()
        process.communicate()


def test_episodes_without_a_pause_between_are_recorded_exactly(tmp_path, player, recorder):
    first = play('first', steps=12, size=(84, 84))
    second = play('second', steps=7, start=first.end + 1, seed=1, size=(480, 640))
    player.publish(first.messages, 0.003)
    player.publish(second.messages, 0.01)
    player.spin_until(lambda: len(player.recorded) == 2)
    for played in (first, second):
        assert_same(read_episode(tmp_path / played.episode_id, CAMERAS), played)
        assert len(bag_messages(tmp_path / played.episode_id)) == len(played.messages)
    report = player.recorded[0]
    assert (report.episode_id, report.task, report.success, report.aborted) == (
        'first',
        'reach',
        True,
        False,
    )
    assert report.uri == str(tmp_path / 'first')
    counts = dict(zip(report.topics, report.messages))
    assert counts[f'{NAMESPACE}/command'] == 12
    assert counts[f'{NAMESPACE}/camera/corner/image_raw'] == 13
    assert sum(report.lost) == 0
    assert 0 < dict(zip(report.topics, report.max_gap_s))[f'{NAMESPACE}/command'] < 5
    assert stop(recorder) is not None and recorder.returncode == 0


def test_bag_has_the_clock_offsets_of_the_cameras(tmp_path, player, recorder):
    offset = player.node.create_publisher(Float64, 'camera/corner/clock_offset', EVENT)
    offset.publish(Float64(data=-0.045))
    player.spin_until(offset.get_subscription_count)
    time.sleep(0.2)
    player.publish(play('first', steps=2).messages, 0.003)
    player.wait_until_recorded('first')
    about = yaml.safe_load((tmp_path / 'first' / 'metadata.yaml').read_text())
    assert about['rosbag2_bagfile_information']['custom_data']['clock_offset_s'] == (
        '{"corner": -0.045}'
    )


def test_policy_steps_are_recorded_only_if_configured(tmp_path, player, recorder):
    configured = start_recorder(tmp_path / 'configured', record_policy_steps=True)
    step = player.node.create_publisher(PolicyStep, 'policy_step', OBSERVATION)
    try:
        player.spin_until(
            lambda: (
                step.get_subscription_count()
                and all(
                    publisher.get_subscription_count() == 2
                    for publisher in player.publishers.values()
                )
            )
        )
        time.sleep(1.0)
        assert step.get_subscription_count() == 1
        played = play('first', steps=2)
        for topic, stamp, message in played.messages:
            if topic == '/command':
                step.publish(PolicyStep(header=message.header, episode_id='first'))
            player.publish([(topic, stamp, message)], 0.003)
        player.spin_until(lambda: len(player.recorded) == 2)
    finally:
        stop(configured)
    kept, left_out = (
        [topic for topic, _ in bag_messages(root / 'first')]
        for root in (tmp_path / 'configured', tmp_path)
    )
    assert kept.count(f'{NAMESPACE}/policy_step') == 2
    assert sorted(left_out) == sorted(each for each in kept if 'policy_step' not in each)


def test_ctrl_c_commits_the_open_episode_as_aborted(tmp_path, player, recorder):
    played = play('open', steps=5, ends=False)
    player.publish(played.messages, 0.003)
    end = time.monotonic() + 20
    while not (tmp_path / STAGING / 'open').exists() and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.5)
    stop(recorder)
    assert recorder.returncode == 0
    (entry,) = list_episodes(tmp_path)
    assert entry.aborted and not entry.recovered
    assert_same_prefix(tmp_path / 'open', played, len(played.messages))


def assert_same_prefix(folder, played, at_least):
    episode = read_episode(folder, CAMERAS)
    steps = len(episode.stamps)
    assert steps * 7 <= len(played.messages) and at_least // 7 <= steps + 1
    for camera in CAMERAS:
        assert (episode.images[camera] == played.images[camera][:steps]).all()
    assert (episode.actions == played.actions[:steps]).all()


def test_kill_9_loses_only_messages_not_yet_written(tmp_path, player):
    process, start = start_recorder(tmp_path), 1_700_000_000 * SECOND
    whole = []
    try:
        for number, sent in enumerate((9, 31, 64)):
            player.wait_until_recorder_receives_all(tmp_path, start - 50 * SECOND)
            whole.append(play(f'whole_{number}', steps=3, start=start, seed=number))
            player.publish(whole[-1].messages, 0.002)
            player.wait_until_recorded(f'whole_{number}')
            torn = play(f'torn_{number}', steps=10, start=start + 10 * SECOND, size=(120, 160))
            player.publish(torn.messages[:sent], 0.003)
            time.sleep(0.3)
            stop(process, signal.SIGKILL)
            staged = [path.name for path in (tmp_path / '.staging').iterdir() if path.is_dir()]
            assert staged == [torn.episode_id]
            process, start = start_recorder(tmp_path), start + 100 * SECOND
            player.wait_until_recorded(torn.episode_id)
            entry = {each.episode_id: each for each in list_episodes(tmp_path)}[torn.episode_id]
            assert entry.recovered and entry.aborted
            # Only messages that waited for their event were not yet on the disk.
            assert_same_prefix(tmp_path / torn.episode_id, torn, sent - 7)
        entries = {each.episode_id: each for each in list_episodes(tmp_path)}
        for played in whole:
            assert_same(read_episode(tmp_path / played.episode_id, CAMERAS), played)
            assert not (entries[played.episode_id].recovered or entries[played.episode_id].aborted)
    finally:
        process.kill()
        process.communicate()


def test_further_topics_are_recorded_with_or_without_a_header(tmp_path, player):
    from std_msgs.msg import String

    process = start_recorder(tmp_path, topics="['note std_msgs/msg/String']")
    try:
        player.publishers['note'] = player.node.create_publisher(String, 'note', COMMAND)
        player.wait_for_recorder()
        played = play(steps=3)
        half = len(played.messages) // 2
        player.publish(played.messages[:half], 0.01)
        player.publish([('/note', 0, String(data='gripper slips'))], 0.05)
        player.publish(played.messages[half:], 0.01)
        player.spin_until(lambda: player.recorded)
        (data,) = [
            data for topic, data in bag_messages(tmp_path / 'reach_0') if topic.endswith('/note')
        ]
        assert b'gripper slips' in data
    finally:
        process.kill()
        process.communicate()


def test_a_best_effort_publisher_is_named_on_diagnostics(player, recorder):
    player.node.create_publisher(RobotState, 'robot_state', qos_profile_sensor_data)
    player.spin_until(
        lambda: any('/robot_state has a best-effort publisher' in text for text in player.texts)
    )


def test_camera_with_an_unreadable_encoding_ends_the_recorder_before_an_episode(player, recorder):
    picture = Image(height=2, width=2, encoding='bgr8', step=6, data=[0] * 12)
    player.publishers['camera/corner/image_raw'].publish(picture)
    report = recorder.communicate(timeout=20)[1]
    assert recorder.returncode == 1 and 'Traceback' not in report
    assert f'{NAMESPACE}/camera/corner/image_raw: nothing reads such an image: its ' in report
    assert "encoding is 'bgr8'; publish rgb8" in report


RECORDER_LOSING_A_TOPIC = """
from irevla_control.recording.recorder_node import RecorderNode
from irevla_control.ros.node import run_node

class Losing(RecorderNode):
    def __init__(self):
        super().__init__()
        self.create_timer(0.5, self._lose)

    def _lose(self):
        if self._recorder.counts['messages'] >= 10:
            self.destroy_subscription(
                self._streams[self.resolve_topic_name('command')].subscription)

run_node(Losing)
"""


def test_recorder_that_cannot_receive_messages_reports_it_and_ends(tmp_path, player):
    process = start_recorder(tmp_path, ('-c', RECORDER_LOSING_A_TOPIC))
    try:
        player.wait_for_recorder()
        player.publish(play('open', steps=5, ends=False).messages, 0.003)
        player.spin_until(
            lambda: any('nothing is recorded any more' in text for text in player.texts)
        )
        assert 'InvalidHandle' in process.communicate(timeout=20)[1]
    finally:
        process.kill()
    assert process.returncode == 1
    (entry,) = list_episodes(tmp_path)
    assert entry.aborted and not entry.recovered, 'the messages received before are committed'


@pytest.mark.parametrize(
    'parameters, words',
    [
        ({'root': '/proc/nowhere'}, 'cannot be recorded to'),
        ({'topics': "['note']"}, '\'note\' is not "name package/msg/Type"'),
        ({'topics': "['note std_msgs/msg/Nothing']"}, 'std_msgs/msg/Nothing'),
    ],
)
def test_wrong_parameters_end_the_node_with_the_reason(tmp_path, parameters, words):
    process = start_recorder(tmp_path, **parameters)
    try:
        text = process.communicate(timeout=30)[1]
    finally:
        process.kill()
    assert process.returncode == 1
    assert words in text and 'Traceback' not in text


def test_types_and_hashes_are_those_that_dds_announces(player):
    from irevla_control.bags.message_types import type_hash

    announced = {}
    for topic in TOPICS:
        (info,) = [
            info
            for info in player.node.get_publishers_info_by_topic(NAMESPACE + topic.name)
            if info.node_name == 'player'
        ]
        announced[topic.type] = str(info.topic_type_hash)
    assert announced == {name: type_hash(name) for name in announced}
    assert type_name(RobotState()) in announced
