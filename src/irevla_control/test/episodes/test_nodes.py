# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The real command_mux and episode_runner over DDS, against an environment's topics."""

import json
import time

import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from running_node import running
from std_msgs.msg import Bool, String

from irevla_control.bags.writer import BagWriter, Topic
from irevla_control.episodes.episode_runner_node import RETRY_S, read_results
from irevla_control.errors import ConfigError
from irevla_control.ros.conversions import action_to_message, ns_to_stamp, stamp_to_ns
from irevla_control.ros.qos import COMMAND, EVENT
from irevla_msgs.msg import EndEffectorCommand, EpisodeState, RecordedEpisode
from irevla_msgs.srv import ResetEpisode

pytestmark = [pytest.mark.usefixtures('ros'), pytest.mark.alone]


class Peer:
    """A node of the test with its own executor."""

    def __init__(self, name):
        self.node = rclpy.create_node(name)
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)

    def spin_until(self, condition, timeout_s=20.0):
        end = time.monotonic() + timeout_s
        while not condition() and time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.05)
        return condition()


def test_command_mux_passes_the_policy_until_the_operator_acts_and_drops_nan():
    peer = Peer('operator')
    received = []
    policy = peer.node.create_publisher(EndEffectorCommand, 'policy_command', COMMAND)
    teleop = peer.node.create_publisher(EndEffectorCommand, 'teleop_command', COMMAND)
    peer.node.create_subscription(EndEffectorCommand, 'command', received.append, COMMAND)
    with running('episodes.command_mux_node', 'teleop_timeout_s:=30.0') as process:
        assert peer.spin_until(
            lambda: (
                policy.get_subscription_count()
                and teleop.get_subscription_count()
                and peer.node.count_publishers('command')
            )
        )
        time.sleep(0.5)

        def send(publisher, stamp, source, x=0.01):
            action = np.array([x, 0, 0, 0, 0, 0, 1.0])
            publisher.publish(action_to_message(action, ns_to_stamp(stamp), 'base', source))

        send(policy, 1, EndEffectorCommand.SOURCE_POLICY)
        assert peer.spin_until(lambda: len(received) == 1)
        send(policy, 2, EndEffectorCommand.SOURCE_POLICY, x=np.nan)
        send(teleop, 3, EndEffectorCommand.SOURCE_TELEOP)
        assert peer.spin_until(lambda: len(received) == 2)
        send(policy, 4, EndEffectorCommand.SOURCE_POLICY)
        send(teleop, 5, EndEffectorCommand.SOURCE_TELEOP)
        assert peer.spin_until(lambda: len(received) == 3)
    assert [stamp_to_ns(message.header.stamp) for message in received] == [1, 3, 5]
    assert [message.source for message in received] == [1, 2, 2]
    assert process.returncode == 0


def test_command_mux_forwards_the_overruled_command_when_the_operator_stops():
    peer = Peer('operator')
    received = []
    policy = peer.node.create_publisher(EndEffectorCommand, 'policy_command', COMMAND)
    teleop = peer.node.create_publisher(EndEffectorCommand, 'teleop_command', COMMAND)
    peer.node.create_subscription(EndEffectorCommand, 'command', received.append, COMMAND)
    with running('episodes.command_mux_node', 'teleop_timeout_s:=1.0'):
        assert peer.spin_until(
            lambda: (
                policy.get_subscription_count()
                and teleop.get_subscription_count()
                and peer.node.count_publishers('command')
            )
        )
        time.sleep(0.5)
        action = np.array([0, 0, 0, 0, 0, 0, 1.0])
        for publisher, stamp, source in (
            (teleop, 1, EndEffectorCommand.SOURCE_TELEOP),
            (policy, 2, EndEffectorCommand.SOURCE_POLICY),
        ):
            publisher.publish(action_to_message(action, ns_to_stamp(stamp), 'base', source))
            assert peer.spin_until(lambda: len(received) == 1)
        assert peer.spin_until(lambda: len(received) == 2)
    assert [(stamp_to_ns(message.header.stamp), message.source) for message in received] == [
        (1, 2),
        (2, 1),
    ]


class Environment(Peer):
    """Ends each episode at once; seeds in `success` succeed.

    The first ``endless`` episodes never end, as if their observation were lost.
    """

    endless = 0
    # Number of first episodes that end before the answer with their id.
    early = 0
    # Steps of each episode.
    steps = 4
    # Codes of the first answers, before ``code``.
    first_codes = ()

    def __init__(self, success=(), abort_first=0, code=ResetEpisode.Response.OK):
        super().__init__('environment')
        self.success, self.aborts_left, self.code = success, abort_first, code
        self.resets, self._pending = [], None
        self.episode = self.node.create_publisher(EpisodeState, 'episode', EVENT)
        self.node.create_service(ResetEpisode, 'reset_episode', self._reset)
        self.node.create_timer(0.02, self._end)

    def _reset(self, request, response):
        self.resets.append((request.task, request.seed))
        if len(self.resets) <= len(self.first_codes):
            response.code = self.first_codes[len(self.resets) - 1]
            return response
        response.code, response.text = self.code, 'no such task' if self.code else ''
        response.episode_id = f'{len(self.resets)}'
        if self.endless:
            self.endless -= 1
            return response
        self._pending = EpisodeState(
            episode_id=response.episode_id,
            task=request.task,
            seed=request.seed,
            step=self.steps,
            phase=EpisodeState.PHASE_ENDED,
        )
        if len(self.resets) <= self.early:
            self._end()
        return response

    def _end(self):
        if self._pending is None:
            return
        message, self._pending = self._pending, None
        if self.aborts_left:
            self.aborts_left -= 1
            message.aborted, message.text = True, 'operator'
        else:
            message.success = message.seed in self.success
            message.terminated, message.truncated = message.success, not message.success
        self.episode.publish(message)


def test_episode_runner_plays_all_seeds_writes_results_and_ends(tmp_path):
    environment = Environment(success={11})
    output = tmp_path / 'results.json'
    with running(
        'episodes.episode_runner_node',
        'tasks:=[a, b]',
        'episodes:=2',
        'seed:=10',
        f'output:={output}',
    ) as process:
        environment.spin_until(lambda: process.poll() is not None)
    assert process.returncode == 0
    assert environment.resets == [('a', 10), ('a', 11), ('b', 10), ('b', 11)]
    results = json.loads(output.read_text())
    assert [result['success'] for result in results] == [False, True, False, True]
    assert [result['truncated'] for result in results] == [True, False, True, False]
    environment.node.destroy_node()


def test_episode_runner_plays_the_chosen_task_next_and_no_other_episodes():
    environment = Environment()
    environment.endless = 1
    choose = environment.node.create_publisher(String, 'next_task', EVENT)
    with running('episodes.episode_runner_node', 'tasks:=[a, b, c]', 'episodes:=2') as process:
        assert environment.spin_until(lambda: environment.resets)
        for task in ('c', 'nonsense'):
            choose.publish(String(data=task))
        environment.spin_until(lambda: False, 0.5)
        environment.episode.publish(
            EpisodeState(episode_id='1', task='a', phase=EpisodeState.PHASE_ENDED)
        )
        environment.spin_until(lambda: process.poll() is not None)
        assert process.returncode == 0
        assert "no episode of 'nonsense' is left" in process.stderr.read()
    assert environment.resets == [
        ('a', 0), ('c', 0), ('c', 1), ('a', 1), ('b', 0), ('b', 1)
    ]  # fmt: skip
    environment.node.destroy_node()


@pytest.mark.parametrize('played', [0, 3])
def test_easier_tasks_come_first_until_each_has_its_successes(tmp_path, played):
    """After a restart they continue where they were."""
    whole = [('near', 10), ('near', 11), ('near', 12), ('half', 10), ('half', 11), ('a', 10)]
    success, output = {11, 12}, tmp_path / 'results.json'
    results = [
        {'task': task, 'seed': seed, 'success': seed in success} for task, seed in whole[:played]
    ]
    output.write_text(json.dumps(results))
    environment = Environment(success)
    with running(
        'episodes.episode_runner_node',
        *('tasks:=[a]', 'curriculum:=["near:2", half]', 'seed:=10', f'output:={output}'),
    ) as process:
        environment.spin_until(lambda: process.poll() is not None)
    assert process.returncode == 0
    assert environment.resets == whole[played:]
    assert [(one['task'], one['seed']) for one in json.loads(output.read_text())] == whole
    environment.node.destroy_node()


def test_the_task_itself_is_no_easier_task():
    with running('episodes.episode_runner_node', 'tasks:=[a]', 'curriculum:=["a:2"]') as process:
        _, text = process.communicate(timeout=20)
    assert process.returncode == 1 and 'name easier tasks only' in text


def test_episode_runner_resumes_after_its_results_and_repeats_aborted_episodes(tmp_path):
    output = tmp_path / 'results.json'
    output.write_text(json.dumps([{'task': 'a', 'seed': 0, 'success': True}]))
    environment = Environment(abort_first=2)
    with running(
        'episodes.episode_runner_node', 'tasks:=[a]', 'episodes:=2', f'output:={output}'
    ) as process:
        environment.spin_until(lambda: process.poll() is not None)
    assert process.returncode == 0
    assert environment.resets == [('a', 1)] * 3
    assert [result['seed'] for result in json.loads(output.read_text())] == [0, 1]
    environment.node.destroy_node()


def test_episodes_that_end_before_their_answers_are_not_waited_for(tmp_path):
    environment = Environment(abort_first=5)
    environment.early = 6
    with running(
        'episodes.episode_runner_node', 'tasks:=[a]', 'episodes:=2', 'max_retries:=10'
    ) as process:
        assert environment.spin_until(lambda: process.poll() is not None, 15)
    assert process.returncode == 0
    assert environment.resets == [('a', 0)] * 6 + [('a', 1)]
    environment.node.destroy_node()


def test_failed_reset_is_requested_again_after_retry_s():
    environment = Environment(abort_first=2)
    environment.steps = 0
    began = time.monotonic()
    with running('episodes.episode_runner_node', 'tasks:=[a]', 'episodes:=1') as process:
        environment.spin_until(lambda: process.poll() is not None)
    assert process.returncode == 0 and environment.resets == [('a', 0)] * 3
    assert time.monotonic() - began > 2 * RETRY_S
    environment.node.destroy_node()


def test_episode_runner_ends_with_the_reason_when_a_reset_is_refused():
    environment = Environment(code=ResetEpisode.Response.UNKNOWN_TASK)
    with running('episodes.episode_runner_node', 'tasks:=[nonsense]') as process:
        environment.spin_until(lambda: process.poll() is not None)
        assert process.returncode == 1
        assert 'no such task' in process.stderr.read()
    environment.node.destroy_node()


@pytest.mark.parametrize(
    'module, parameter, words',
    [
        ('episodes.command_mux_node', 'teleop_timeout_s:=-1.0', ('teleop_timeout_s', '-1.0')),
        ('episodes.episode_runner_node', 'episodes:=0', ('episodes', '0')),
        ('episodes.episode_runner_node', 'startup_timeout_s:=1.0', ('tasks', 'empty')),
    ],
)
def test_bad_parameters_end_a_node_with_name_and_value(module, parameter, words):
    with running(module, parameter) as process:
        assert process.wait(20) == 1
        text = process.stderr.read()
    assert all(word in text for word in words) and 'Traceback' not in text


@pytest.mark.parametrize(
    'text, words',
    [
        ('{', 'give a file of results'),
        ('[{"task": "a"}]', 'without task, seed or success'),
        ('[1]', 'give a file of results'),
    ],
)
def test_a_file_without_results_is_refused_before_the_first_episode(tmp_path, text, words):
    file = tmp_path / 'results.json'
    file.write_text(text)
    with pytest.raises(ConfigError, match=f'parameter output {file}: .*{words}'):
        read_results(file)


def test_a_file_that_cannot_be_written_is_refused_before_the_first_episode(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(ConfigError, match='give a file of results'):
        read_results(tmp_path / 'file' / 'results.json')
    assert read_results(tmp_path / 'new' / 'results.json') == []


def test_episode_runner_plays_a_stalled_episode_again():
    environment = Environment()
    environment.endless = 1
    with running('episodes.episode_runner_node', 'tasks:=[a]', 'stall_timeout_s:=1.0') as process:
        environment.spin_until(lambda: process.poll() is not None)
    assert process.returncode == 0
    assert environment.resets == [('a', 0)] * 2
    environment.node.destroy_node()


def test_episode_runner_waits_for_an_arm_that_is_not_ready_yet():
    environment = Environment()
    environment.first_codes = (ResetEpisode.Response.BUSY, ResetEpisode.Response.FAULT)
    with running('episodes.episode_runner_node', 'tasks:=[a]', 'max_retries:=0') as process:
        environment.spin_until(lambda: process.poll() is not None)
    assert process.returncode == 0
    assert environment.resets == [('a', 0)] * 3
    environment.node.destroy_node()


def test_episode_runner_starts_no_episode_while_it_is_paused():
    environment = Environment()
    environment.endless = 1
    pause = environment.node.create_publisher(Bool, 'pause_episodes', EVENT)
    pause.publish(Bool(data=True))
    with running(
        'episodes.episode_runner_node',
        'tasks:=[a]',
        'episodes:=2',
        'stall_timeout_s:=3.0',
        'max_retries:=0',
    ) as process:
        assert environment.spin_until(lambda: pause.get_subscription_count())
        assert not environment.spin_until(lambda: environment.resets, 4.0)
        pause.publish(Bool(data=False))
        assert environment.spin_until(lambda: environment.resets == [('a', 0)])
        pause.publish(Bool(data=True))
        environment.spin_until(lambda: False, 0.5)
        environment.episode.publish(
            EpisodeState(
                episode_id='1', task='a', seed=0, phase=EpisodeState.PHASE_ENDED, success=True
            )
        )
        assert not environment.spin_until(lambda: len(environment.resets) > 1, 4.0)
        # The publisher of the pause has ended.
        environment.node.destroy_publisher(pause)
        environment.spin_until(lambda: process.poll() is not None)
    assert process.returncode == 0
    assert environment.resets == [('a', 0), ('a', 1)]
    environment.node.destroy_node()


def test_episode_runner_counts_only_successes_with_only_successes(tmp_path):
    environment = Environment()
    output = tmp_path / 'results.json'
    with running(
        'episodes.episode_runner_node',
        'tasks:=[a]',
        'episodes:=2',
        'only_successes:=true',
        f'output:={output}',
    ) as process:
        assert environment.spin_until(lambda: len(environment.resets) >= 3)
        assert not output.exists()
        environment.success = {0, 1}
        environment.spin_until(lambda: process.poll() is not None)
    assert process.returncode == 0
    assert environment.resets[-1] == ('a', 1) and len(environment.resets) <= 6
    assert [result['success'] for result in json.loads(output.read_text())] == [True, True]
    environment.node.destroy_node()


def test_episode_runner_ends_only_when_the_last_episode_is_recorded(tmp_path):
    environment = Environment()
    environment.endless = 0
    recorded = environment.node.create_publisher(RecordedEpisode, 'recorded_episode', EVENT)
    output = tmp_path / 'results.json'
    with running(
        'episodes.episode_runner_node',
        'tasks:=[a]',
        'episodes:=2',
        'recorded:=true',
        f'output:={output}',
    ) as process:
        # The second episode still runs when the first is committed.
        environment.spin_until(lambda: len(environment.resets) == 1)
        environment.endless = 1
        environment.spin_until(lambda: len(environment.resets) == 2)
        recorded.publish(RecordedEpisode(episode_id='1'))
        environment.spin_until(lambda: process.poll() is not None, 2.0)
        assert process.poll() is None and len(json.loads(output.read_text())) == 1
        environment.episode.publish(
            EpisodeState(
                episode_id='2', task='a', seed=1, phase=EpisodeState.PHASE_ENDED, success=True
            )
        )
        environment.spin_until(lambda: process.poll() is not None, 1.0)
        assert process.poll() is None
        recorded.publish(RecordedEpisode(episode_id='2'))
        environment.spin_until(lambda: process.poll() is not None)
    assert process.returncode == 0
    assert [result['success'] for result in json.loads(output.read_text())] == [False, True]
    environment.node.destroy_node()


def test_episode_runner_repeats_an_episode_whose_recording_failed(tmp_path):
    environment = Environment()
    recorded = environment.node.create_publisher(RecordedEpisode, 'recorded_episode', EVENT)
    output = tmp_path / 'results.json'
    with running(
        'episodes.episode_runner_node',
        'tasks:=[a]',
        'episodes:=2',
        'recorded:=true',
        f'output:={output}',
    ) as process:
        for number, aborted in enumerate((True, False, False), 1):
            at_least = max(number, 2)
            assert environment.spin_until(lambda least=at_least: len(environment.resets) >= least)
            environment.spin_until(lambda: False, 0.3)
            recorded.publish(RecordedEpisode(episode_id=f'{number}', aborted=aborted))
        environment.spin_until(lambda: process.poll() is not None)
    assert process.returncode == 0
    assert environment.resets == [('a', 0), ('a', 1), ('a', 0)]
    assert [result['seed'] for result in json.loads(output.read_text())] == [1, 0]
    environment.node.destroy_node()


def test_episode_runner_stores_dropped_steps_and_logs_why_a_recording_failed(tmp_path):
    environment = Environment(success={0})
    recorded = environment.node.create_publisher(RecordedEpisode, 'recorded_episode', EVENT)
    output = tmp_path / 'results.json'
    bags = [tmp_path / str(number) for number in (1, 2)]
    for bag, about in zip(
        bags,
        ({'failed': '18 of 36 steps lack it', 'dropped': '18'}, {'failed': '', 'dropped': '3'}),
    ):
        writer = BagWriter(bag, [Topic('/episode', 'irevla_msgs/msg/EpisodeState')], {})
        flags = dict.fromkeys(
            ('success', 'aborted', 'terminated', 'truncated', 'recovered'), 'true'
        )
        writer.close(
            {
                'episode_id': bag.name,
                'task': 'a',
                'instruction': 'do',
                'seed': '0',
                'steps': '36',
                'sources': 'teleop',
                'lost': '{}',
                'max_gap_s': '{}',
                'recorded_ns': '1',
                **flags,
                **about,
            }
        )
    with running(
        'episodes.episode_runner_node',
        'tasks:=[a]',
        'only_successes:=true',
        'recorded:=true',
        f'output:={output}',
    ) as process:
        for number, bag in enumerate(bags, 1):
            assert environment.spin_until(lambda least=number: len(environment.resets) >= least)
            environment.spin_until(lambda: False, 0.3)
            recorded.publish(
                RecordedEpisode(episode_id=f'{number}', uri=str(bag), aborted=number == 1)
            )
        environment.spin_until(lambda: process.poll() is not None)
        assert '18 of 36 steps lack it' in process.stderr.read()
    assert process.returncode == 0
    assert [result['dropped'] for result in json.loads(output.read_text())] == [3]
    environment.node.destroy_node()


def test_episode_runner_counts_the_retries_of_each_episode_separately():
    environment = Environment(abort_first=4)
    with running('episodes.episode_runner_node', 'tasks:=[a]', 'episodes:=2') as process:
        environment.spin_until(lambda: ('a', 1) in environment.resets)
        environment.aborts_left = 4
        environment.spin_until(lambda: process.poll() is not None)
    assert process.returncode == 0
    assert environment.resets == [('a', 0)] * 5 + [('a', 1)] * 5
    environment.node.destroy_node()


def test_episode_runner_ends_when_an_episode_always_fails():
    environment = Environment(abort_first=100)
    with running('episodes.episode_runner_node', 'tasks:=[a]') as process:
        environment.spin_until(lambda: process.poll() is not None)
        assert process.returncode == 1
        assert "('a', 0) failed 6 times" in process.stderr.read()
    environment.node.destroy_node()
