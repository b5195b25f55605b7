# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The real node over DDS acts only on valid observations of a running episode."""

import subprocess
import sys
import time

from diagnostic_msgs.msg import DiagnosticStatus
from environment_side import STATE, beside_vla
import numpy as np
import pytest
from random_policy import save_random_policy

from irevla_control.ros.conversions import message_to_action, stamp_to_ns
from irevla_msgs.msg import EndEffectorCommand, EpisodeState
from irevla_policy.checkpoints.checkpoint import load_checkpoint


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    return save_random_policy(tmp_path_factory.mktemp('policy'))


@pytest.fixture(scope='module')
def environment(checkpoint):
    with beside_vla(checkpoint) as environment:
        time.sleep(0.5)
        yield environment


@pytest.fixture
def fresh(environment):
    environment.clear()
    return environment


def test_an_observation_is_answered_with_the_model_s_output(fresh, checkpoint):
    images = fresh.random_images()
    stamp = fresh.publish_observation(images)
    assert fresh.spin_until(lambda: fresh.commands and fresh.steps)
    expected = load_checkpoint(checkpoint).step(images, STATE, 'press the button')
    command, step = fresh.commands[0], fresh.steps[0]
    assert stamp_to_ns(command.header.stamp) == stamp_to_ns(step.header.stamp) == stamp
    assert command.source == EndEffectorCommand.SOURCE_POLICY
    assert command.header.frame_id == 'base'
    assert np.allclose(message_to_action(command), expected.action, atol=1e-4)
    latent = np.frombuffer(step.latent, np.float16).reshape(step.latent_tokens, step.latent_width)
    assert np.allclose(latent, expected.latent, atol=2e-2)
    assert step.backbone_hash == load_checkpoint(checkpoint).backbone_hash
    assert step.head_version == 0 and step.episode_id == 'one'
    assert 0 < step.inference_s < 30


def test_cameras_without_a_reference_view_are_reported_before_an_episode(fresh):
    assert fresh.spin_until(
        lambda: any(
            value.key == 'front view shift' and 'no reference view' in value.value
            for status in fresh.statuses
            for value in status.values
        )
    )


def test_an_ended_episode_gets_no_command(fresh):
    fresh.publish_observation(fresh.random_images(), phase=EpisodeState.PHASE_ENDED)
    assert not fresh.spin_until(lambda: fresh.commands, 0.5)
    stamp = fresh.publish_observation(fresh.random_images())
    assert fresh.spin_until(lambda: fresh.commands)
    assert stamp_to_ns(fresh.commands[0].header.stamp) == stamp, 'the ended episode got a command'


def test_an_image_of_the_wrong_size_is_refused_and_reported(fresh):
    images = fresh.random_images()
    images[next(iter(images))] = np.zeros((48, 64, 3), np.uint8)
    fresh.publish_observation(images)
    assert fresh.reports(DiagnosticStatus.WARN, '48')
    assert not fresh.commands


def test_a_state_that_is_not_finite_is_refused_and_reported(fresh):
    fresh.publish_observation(
        fresh.random_images(), state=np.where(np.arange(10) == 1, np.nan, STATE)
    )
    assert fresh.reports(DiagnosticStatus.WARN, 'finite')
    assert not fresh.commands


def test_a_missing_camera_stops_the_policy_and_is_reported(fresh):
    images = fresh.random_images()
    images[next(iter(images))] = None
    fresh.publish_observation(images)
    assert fresh.reports(DiagnosticStatus.ERROR, 'no complete observation')
    assert not fresh.commands
    fresh.statuses.clear()
    fresh.publish_observation(fresh.random_images())
    assert fresh.spin_until(lambda: fresh.commands), 'the policy does not resume'


def test_an_observation_that_waited_too_long_gets_no_command(fresh):
    fresh.stamp += 50_000_000
    fresh.publish_parts(fresh.random_images(), fresh.stamp)
    fresh.spin_until(lambda: False, 0.8)
    fresh.publish_episode('one', 'press the button', fresh.stamp)
    assert fresh.reports(DiagnosticStatus.WARN, 'the limit is 0.5 s')
    assert not fresh.commands


@pytest.mark.parametrize('episode_first', [False, True])
def test_a_restarted_environment_with_an_earlier_clock_is_answered(fresh, episode_first):
    fresh.publish_observation(fresh.random_images())
    assert fresh.spin_until(lambda: fresh.commands)
    fresh.clear()
    fresh.stamp -= 1_000_000_000_000
    for episode_next in (episode_first, not episode_first):
        if episode_next:
            fresh.publish_episode(f'again {episode_first}', 'press the button', fresh.stamp)
        else:
            fresh.publish_parts(fresh.random_images(), fresh.stamp)
        fresh.spin_until(lambda: False, 0.1)
    assert fresh.spin_until(lambda: fresh.commands)
    assert stamp_to_ns(fresh.commands[0].header.stamp) == fresh.stamp


def test_a_folder_that_is_no_checkpoint_ends_the_node_with_the_reason(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            '-m',
            'irevla_policy.nodes.vla_node',
            '--ros-args',
            '-p',
            f'checkpoint:={tmp_path}',
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr and 'Traceback' not in done.stderr
