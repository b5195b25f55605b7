# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The real node beside a learner explores, uses new heads, and refuses invalid ones."""

import time

from diagnostic_msgs.msg import DiagnosticStatus
from environment_side import STATE, beside_vla
import numpy as np
import pytest
from random_policy import save_random_policy
import torch

from irevla_control.ros.conversions import message_to_action, to_array
from irevla_control.ros.qos import EVENT
from irevla_msgs.msg import EpisodeState, PolicyUpdate
from irevla_policy.checkpoints.checkpoint import load_checkpoint
from irevla_policy.checkpoints.head_update import pack_head
from irevla_policy.model.head import Head


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    return save_random_policy(tmp_path_factory.mktemp('policy'))


@pytest.fixture(scope='module')
def environment(checkpoint):
    exploration = {'noise_std_low': 0.2, 'noise_std_high': 0.2, 'noise_correlation': 0.5}
    with beside_vla(checkpoint, **exploration, encode_last=True) as environment:
        node = environment.node
        environment.update = node.create_publisher(PolicyUpdate, 'policy_update', EVENT)
        assert environment.spin_until(environment.update.get_subscription_count)
        time.sleep(0.5)
        yield environment


@pytest.fixture
def fresh(environment):
    environment.clear()
    return environment


def answer(environment):
    """Publish an observation; return its policy step and command."""
    environment.clear()
    environment.publish_observation(environment.random_images())
    assert environment.spin_until(lambda: environment.commands and environment.steps)
    return environment.steps[0], environment.commands[0]


def send(environment, version, backbone_hash, weights):
    environment.update.publish(
        PolicyUpdate(
            version=version,
            backbone_hash=backbone_hash,
            weights=to_array('B', np.frombuffer(weights, np.uint8)),
        )
    )


def test_policy_step_and_command_have_the_same_noise(fresh, checkpoint):
    vla = load_checkpoint(checkpoint)
    expected = vla.step(fresh.random_images(), STATE, 'press the button')
    differences = []
    for _ in range(30):
        step, command = answer(fresh)
        np.testing.assert_allclose(
            vla.statistics.denormalise_action(np.array(step.action)),
            message_to_action(command),
            atol=1e-6,
        )
        assert np.abs(step.action).max() <= 1
        differences.append(np.array(step.action) - expected.action_normalised)
    assert 0.1 < np.std(differences) < 0.3
    assert abs(np.mean(differences)) < 0.1


def test_the_last_observation_is_encoded_but_gets_no_command(fresh, checkpoint):
    images = fresh.random_images()
    fresh.publish_observation(images, phase=EpisodeState.PHASE_ENDED)
    assert fresh.spin_until(lambda: fresh.steps)
    expected = load_checkpoint(checkpoint).step(images, STATE, 'press the button')
    step = fresh.steps[0]
    latent = np.frombuffer(step.latent, np.float16).reshape(step.latent_tokens, step.latent_width)
    np.testing.assert_allclose(latent, expected.latent, atol=2e-2)
    np.testing.assert_allclose(step.action, expected.action_normalised, atol=1e-2)
    assert not fresh.spin_until(lambda: fresh.commands, 0.3)


def test_a_new_head_acts_and_invalid_heads_are_refused(fresh, checkpoint):
    vla = load_checkpoint(checkpoint)
    with torch.no_grad():
        vla.head.mlp[-1].weight.zero_()
        vla.head.mlp[-1].bias.fill_(0.9)
    new = pack_head(vla.head)
    send(fresh, 5, vla.backbone_hash, new)

    def new_head_acts():
        step, _ = answer(fresh)
        return step.head_version == 5

    assert fresh.spin_until(new_head_acts)
    means = np.mean([np.array(answer(fresh)[0].action) for _ in range(20)], 0)
    assert (means > 0.7).all()
    with torch.no_grad():
        vla.head.mlp[-1].bias[0] = float('nan')
    other = Head(8, 3, 2)
    for version, backbone_hash, weights, word in (
        (6, 'another', new, 'for backbone'),
        (5, vla.backbone_hash, new, 'is here already'),
        (6, vla.backbone_hash, b'garbage', 'no safetensors'),
        (6, vla.backbone_hash, pack_head(other), 'another head'),
        (6, vla.backbone_hash, pack_head(vla.head), 'not finite'),
    ):
        fresh.clear()
        send(fresh, version, backbone_hash, weights)
        assert fresh.reports(DiagnosticStatus.WARN, word), word
        assert answer(fresh)[0].head_version == 5
