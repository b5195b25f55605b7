# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The real node runs one pass for k observations, and a new one where a chunk would be stale."""

import time

from environment_side import STATE, beside_vla
import numpy as np
import pytest
from random_policy import save_random_policy

from irevla_control.ros.conversions import message_to_action, stamp_to_ns, to_array
from irevla_control.ros.qos import COMMAND, EVENT
from irevla_msgs.msg import EndEffectorCommand, EpisodeState, PolicyUpdate
from irevla_policy.checkpoints.checkpoint import load_checkpoint
from irevla_policy.checkpoints.head_update import pack_head

SIZE = 3


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    return save_random_policy(tmp_path_factory.mktemp('policy'), SIZE)


@pytest.fixture(scope='module')
def environment(checkpoint):
    with beside_vla(checkpoint, encode_last=True) as environment:
        node = environment.node
        environment.update = node.create_publisher(PolicyUpdate, 'policy_update', EVENT)
        environment.command = node.create_publisher(EndEffectorCommand, 'command', COMMAND)
        assert environment.spin_until(environment.command.get_subscription_count, 20)
        time.sleep(0.5)
        yield environment


def answer(environment, by=EndEffectorCommand.SOURCE_POLICY):
    """Publish an observation; the robot gets the answer, or another one of a person."""
    environment.clear()
    stamp = environment.publish_observation(environment.random_images())
    assert environment.spin_until(lambda: environment.commands and environment.steps)
    step, command = environment.steps[0], environment.commands[0]
    assert stamp_to_ns(step.header.stamp) == stamp_to_ns(command.header.stamp) == stamp
    command.source = by
    environment.command.publish(command)
    time.sleep(0.05)
    return step, message_to_action(command)


def test_one_pass_answers_as_many_observations_as_it_has_actions(environment, checkpoint):
    vla = load_checkpoint(checkpoint)
    expected = vla.step(environment.random_images(), STATE, 'press the button')
    passes = []
    for number in range(2 * SIZE):
        step, action = answer(environment)
        index = number % SIZE
        if index == 0:
            passes.append(stamp_to_ns(step.header.stamp))
        assert step.chunk_index == index
        assert stamp_to_ns(step.latent_stamp) == passes[-1]
        assert bool(step.latent_tokens) == bool(len(step.latent)) == (index == 0)
        assert bool(len(step.proprioception)) == bool(step.inference_s) == (index == 0)
        np.testing.assert_allclose(step.action, expected.chunk[index], atol=1e-2)
        np.testing.assert_allclose(
            action, vla.statistics.denormalise_action(np.array(step.action)), atol=1e-6
        )


def test_a_person_a_new_head_and_a_new_episode_end_a_chunk(environment, checkpoint):
    # The last chunk of the test before is complete.
    assert answer(environment)[0].chunk_index == 0
    assert answer(environment, by=EndEffectorCommand.SOURCE_TELEOP)[0].chunk_index == 1
    assert answer(environment)[0].chunk_index == 0
    assert answer(environment)[0].chunk_index == 1
    vla = load_checkpoint(checkpoint)
    environment.update.publish(
        PolicyUpdate(
            version=5,
            backbone_hash=vla.backbone_hash,
            weights=to_array('B', np.frombuffer(pack_head(vla.head), np.uint8)),
        )
    )
    time.sleep(0.3)
    step, _ = answer(environment)
    assert (step.chunk_index, step.head_version) == (0, 5)
    # The last observation of the episode has a latent, though the chunk is not complete.
    environment.clear()
    environment.publish_observation(environment.random_images(), phase=EpisodeState.PHASE_ENDED)
    assert environment.spin_until(lambda: environment.steps)
    assert environment.steps[0].chunk_index == 0 and environment.steps[0].latent_tokens
    assert not environment.commands
    assert answer(environment)[0].chunk_index == 0
