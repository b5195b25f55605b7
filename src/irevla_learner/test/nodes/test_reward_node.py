# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A classifier trained on real bags, and the real reward node with that classifier over DDS."""

import json
from pathlib import Path
import signal
import subprocess
import sys
import time

from diagnostic_msgs.msg import DiagnosticArray
from evaluated_run import record
import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor

from irevla_control.bags.reader import read_observations
from irevla_control.checks.own_domain import use_own_domain
from irevla_control.ros.conversions import ns_to_stamp, stamp_to_ns
from irevla_control.ros.qos import RECORD
from irevla_learner.classifier.success_classifier import load_classifier
from irevla_learner.classifier.train import main
from irevla_learner.runs.evaluation import EpisodeResult
from irevla_msgs.msg import PolicyStep, Reward
from irevla_policy.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from irevla_policy.model.config import load_preset
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.vla import VLA

PRESET = Path(__file__).resolve().parents[4] / 'config/presets/tiny.yaml'
STEPS = 4


@pytest.fixture(scope='module')
def policy(tmp_path_factory):
    random = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp('policy') / 'checkpoint'
    save_checkpoint(
        folder,
        VLA(
            load_preset(PRESET),
            Statistics.from_data(random.normal(size=(50, 10)), random.uniform(-1, 1, (50, 7))),
            ['light it'],
        ),
        {},
    )
    return folder


@pytest.fixture(scope='module')
def bags(tmp_path_factory):
    """Return episodes with bright images if successful, and dark images otherwise."""
    root = tmp_path_factory.mktemp('bags')
    for number in range(30):
        success = number % 2 == 0
        frames = np.random.default_rng(number).integers(
            150 if success else 0, 250 if success else 100, (STEPS, 24, 24, 3), np.uint8
        )
        record(
            root,
            EpisodeResult(
                'light', number, success, STEPS, success, not success, False, f'light-{number}'
            ),
            'light it',
            {'front': frames, 'wrist': frames},
        )
    return root


@pytest.fixture(scope='module')
def classifier(policy, bags, tmp_path_factory):
    output = tmp_path_factory.mktemp('classifier')
    settings = output / 'settings.yaml'
    settings.write_text('{steps: 200, hidden: [16]}')
    main(
        [
            '--data',
            str(bags),
            '--policy',
            str(policy),
            '--output',
            str(output),
            '--config',
            str(settings),
        ]
    )
    return output


def test_observations_of_a_bag_have_the_label_of_their_stamp(bags):
    found = read_observations(bags / 'light-0', ['front'])
    assert len(found.stamps) == len(found.states) == len(found.images['front']) == STEPS
    assert found.success.tolist() == [True] * STEPS
    assert not read_observations(bags / 'light-1', ['front']).success.any()


def test_report_and_roc_picture_of_a_training_are_written(classifier):
    report = json.loads((classifier / 'report.json').read_text())
    assert report['auc'] > 0.99
    assert report['episodes'] == {
        'precision': 1.0,
        'recall': 1.0,
        'positive': 3,
        'told': 3,
        'count': 6,
    }
    assert (classifier / 'roc.png').read_bytes().startswith(b'\x89PNG')


@pytest.fixture(scope='module')
def graph(policy, classifier):
    use_own_domain()
    process = subprocess.Popen(
        [
            sys.executable,
            '-m',
            'irevla_learner.nodes.reward_node',
            '--ros-args',
            '-p',
            f'checkpoint:={policy}',
            '-p',
            f'classifier:={classifier}',
        ]
    )
    rclpy.init()
    yield Policy()
    rclpy.shutdown()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0


class Policy:
    """Publishes policy steps and receives rewards."""

    def __init__(self):
        self.node = rclpy.create_node('policy')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self.step = self.node.create_publisher(PolicyStep, 'policy_step', RECORD)
        self.rewards, self.statuses = [], []
        self.node.create_subscription(Reward, 'reward', self.rewards.append, RECORD)
        self.node.create_subscription(
            DiagnosticArray,
            '/diagnostics',
            lambda message: self.statuses.extend(
                status for status in message.status if status.name == 'reward: status'
            ),
            10,
        )
        assert self.spin_until(
            lambda: self.step.get_subscription_count() and self.node.count_publishers('reward'), 60
        )
        time.sleep(0.5)

    def spin_until(self, condition, timeout_s=5.0):
        end = time.monotonic() + timeout_s
        while not condition() and time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.05)
        return condition()

    def publish_step(self, vla, brightness, episode_id, stamp, **changes):
        """Publish the policy step of an image of this brightness."""
        image = np.full((84, 84, 3), brightness, np.uint8)
        output = vla.step({'front': image, 'wrist': image}, np.zeros(10), 'light it')
        message = PolicyStep(
            episode_id=episode_id,
            latent_tokens=output.latent.shape[0],
            latent_width=output.latent.shape[1],
            latent=output.latent.ravel().view(np.uint16),
            proprioception=output.proprioception,
            backbone_hash=vla.backbone_hash,
        )
        for name, value in changes.items():
            setattr(message, name, value)
        message.header.stamp = ns_to_stamp(stamp)
        self.step.publish(message)


def test_node_reports_success_after_enough_successive_observations(graph, policy, classifier):
    vla = load_checkpoint(policy)
    threshold = load_classifier(classifier, vla.backbone_hash).description.threshold
    for stamp, (episode, brightness) in enumerate(
        [
            ('one', 50),
            ('one', 200),
            ('one', 50),
            ('one', 200),
            ('one', 200),
            ('one', 50),
            ('two', 50),
            ('two', 200),
        ],
        1,
    ):
        graph.publish_step(vla, brightness, episode, stamp)
        assert graph.spin_until(lambda count=stamp: len(graph.rewards) == count)
        estimate = graph.rewards[-1]
        assert (stamp_to_ns(estimate.header.stamp), estimate.episode_id) == (stamp, episode)
        assert (estimate.success_probability >= threshold) == (brightness == 200)
    assert [one.success for one in graph.rewards] == [False] * 4 + [True] * 2 + [False] * 2
    assert [one.reward for one in graph.rewards] == [0] * 4 + [1] + [0] * 3


@pytest.mark.parametrize(
    'changes, word',
    [
        ({'backbone_hash': 'other'}, 'one checkpoint'),
        ({'latent_tokens': 3}, 'width'),
        ({'proprioception': [float('nan')] * 10}, 'not finite'),
        ({'proprioception': [0.0]}, '10 are needed'),
    ],
)
def test_node_refuses_an_invalid_policy_step_and_reports_it(graph, policy, changes, word):
    vla = load_checkpoint(policy)
    graph.statuses.clear()
    rewards = len(graph.rewards)
    graph.publish_step(vla, 50, 'bad', 1, **changes)
    assert graph.spin_until(lambda: any(word in status.message for status in graph.statuses))
    assert len(graph.rewards) == rewards


@pytest.mark.parametrize(
    'arguments, word',
    [({}, 'classifier is empty'), ({'classifier': '/nowhere'}, 'contains no success classifier')],
)
def test_node_ends_with_the_reason(policy, arguments, word):
    done = subprocess.run(
        [
            sys.executable,
            '-m',
            'irevla_learner.nodes.reward_node',
            '--ros-args',
            '-p',
            f'checkpoint:={policy}',
            *(text for name, value in arguments.items() for text in ('-p', f'{name}:={value}')),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert word in done.stdout + done.stderr


def test_command_line_reports_a_folder_without_episodes(policy, tmp_path):
    (tmp_path / 'empty').mkdir()
    done = subprocess.run(
        [
            sys.executable,
            '-m',
            'irevla_learner.classifier.train',
            '--data',
            tmp_path / 'empty',
            '--policy',
            policy,
            '--output',
            tmp_path / 'out',
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert 'no recorded episodes' in done.stderr
