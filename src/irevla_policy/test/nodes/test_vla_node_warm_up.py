# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A warm-up for a new instruction runs when no observation waits, and once."""

import threading
import time

import numpy as np
import pytest
import rclpy
from small_models import tiny_vla

from irevla_control.ros.conversions import ns_to_stamp
from irevla_msgs.msg import EpisodeState
from irevla_policy.checkpoints.checkpoint import save_checkpoint
from irevla_policy.nodes.vla_node import VlaNode

OLD, NEW = 'open the drawer', 'press'


class Passes:
    """Stands in for the model's pass: keeps the instructions, and waits while it is held."""

    def __init__(self, step):
        self.step, self.seen, self.free = step, [], threading.Event()
        self.free.set()

    def __call__(self, images, state, instruction, noise=None):
        self.seen.append(('warm-up' if not images['left'].any() else state[0], instruction))
        assert self.free.wait(10)
        return self.step(images, state, instruction, noise)

    def wait_for(self, count):
        end = time.monotonic() + 5
        while len(self.seen) < count and time.monotonic() < end:
            time.sleep(0.01)
        return self.seen


@pytest.fixture
def node(tmp_path):
    save_checkpoint(tmp_path / 'policy', tiny_vla())
    arguments = ['--ros-args', '-p', f'checkpoint:={tmp_path}/policy', '-p', 'device:=cpu']
    rclpy.init(args=[*arguments, '-p', 'encode_last:=true', '-p', 'max_age_s:=20.0'])
    node = VlaNode()
    node._vla.step = Passes(node._vla.step)
    yield node
    node._vla.step.free.set()
    node.destroy_node()
    rclpy.shutdown()


def observe(node, number):
    """Give the node an observation whose state begins with this number, its stamp too."""
    for camera in ('left', 'right'):
        node._add(camera, number, np.full((24, 24, 3), 9, np.uint8))
    node._add('state', number, np.full(10, float(number)))


def episode(node, number, instruction, phase=EpisodeState.PHASE_RUNNING):
    message = EpisodeState(episode_id=instruction, instruction=instruction, phase=phase)
    message.header.stamp = ns_to_stamp(number)
    node._on_episode(message)


def test_a_waiting_observation_is_encoded_before_the_warm_up_of_the_next_instruction(node):
    passes = node._vla.step
    observe(node, 1)
    passes.free.clear()
    episode(node, 1, OLD)
    assert passes.wait_for(1) == [(1, OLD)]
    # The last observation of an episode, which a learner needs.
    observe(node, 2)
    episode(node, 2, OLD, EpisodeState.PHASE_ENDED)
    episode(node, 3, NEW)
    passes.free.set()
    assert passes.wait_for(3) == [(1, OLD), (2, OLD), ('warm-up', NEW)]


def test_an_instruction_that_was_acted_on_is_not_warmed_up(node):
    passes = node._vla.step
    observe(node, 1)
    episode(node, 1, OLD)
    assert passes.wait_for(1) == [(1, OLD)]
    episode(node, 2, OLD)
    episode(node, 3, NEW)
    episode(node, 4, NEW)
    assert passes.wait_for(2)[1:] == [('warm-up', NEW)]
    observe(node, 4)
    assert passes.wait_for(3)[2:] == [(4, NEW)]


def test_an_instruction_whose_observation_was_too_old_is_warmed_up(node):
    node._max_age_s = node._gates._max_age_s = 0.05
    passes = node._vla.step
    observe(node, 1)
    time.sleep(0.1)
    episode(node, 1, OLD)
    assert passes.wait_for(1) == [('warm-up', OLD)]
