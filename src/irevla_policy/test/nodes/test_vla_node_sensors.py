# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The node with the stamps of real sensors and a slow model, on the test's own executor."""

import os
import time

from diagnostic_msgs.msg import DiagnosticStatus
from environment_side import STATE, Environment
import numpy as np
import pytest
import rclpy
from small_models import tiny_vla
import torch

from irevla_control.cameras.picture_files import load_picture
from irevla_control.cameras.view_shift import reference_view
from irevla_control.ros.conversions import stamp_to_ns
from irevla_msgs.msg import EpisodeState
from irevla_policy.checkpoints.checkpoint import save_checkpoint
from irevla_policy.model.config import BackboneConfig, TinyConfig
from irevla_policy.nodes.vla_node import VlaNode

MS = 1_000_000
# As the environment shows it.
PICTURE = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)


@pytest.fixture(scope='module')
def graph(tmp_path_factory):
    """The node and an environment; many tokens make the model slow without many weights."""
    backbone = BackboneConfig(
        tiny=TinyConfig(width=32, attention_heads=2, queries=1500, text_layers=8)
    )
    checkpoint = tmp_path_factory.mktemp('policy') / 'checkpoint'
    vla = tiny_vla(backbone=backbone, cameras=('front',))
    vla.views = {'front': reference_view([PICTURE] * 3)}
    save_checkpoint(checkpoint, vla)
    os.environ['ROS_DOMAIN_ID'] = str(1 + os.getpid() % 100)
    rclpy.init(
        args=[
            '--ros-args',
            '-p',
            f'checkpoint:={checkpoint}',
            '-p',
            'device:=cpu',
            '-p',
            'max_skew_s:=0.02',
            '-p',
            'max_age_s:=4.0',
            '-p',
            'max_view_shift_px:=1.0',
            '-p',
            f'views_folder:={checkpoint.parent}',
        ]
    )
    node = VlaNode()
    environment = Environment(['front'])
    environment.executor.add_node(node)
    assert environment.connected()
    environment.spin_until(lambda: False, 0.5)
    environment.tell('warm up', 'press', time.time_ns())
    environment.spin_until(lambda: node._instructions and not node._worker.busy, 30)
    yield node, environment
    node.destroy_node()
    rclpy.shutdown()


@pytest.fixture
def node(graph):
    return graph[0]


@pytest.fixture
def environment(graph):
    graph[1].clear()
    return graph[1]


def show(environment, age_ns=0, skew_ns=0, phase=EpisodeState.PHASE_RUNNING, episode_id='one'):
    stamp = time.time_ns() - age_ns
    environment.tell(episode_id, 'press', stamp, phase)
    # First the word of the episode, then its observation, as with real sensors.
    environment.spin_until(lambda: False, 0.2)
    environment.show_parts(environment.random_images(24), stamp, STATE, skew_ns)
    return stamp


def test_parts_within_the_skew_are_one_observation_and_others_none(environment):
    show(environment, skew_ns=-30 * MS)
    assert not environment.spin_until(lambda: environment.commands, 1)
    stamp = show(environment, skew_ns=-15 * MS)
    assert environment.spin_until(lambda: environment.commands)
    assert stamp_to_ns(environment.commands[0].header.stamp) == stamp


def test_an_observation_with_an_old_stamp_is_not_acted_on(environment):
    show(environment, episode_id='with a clock')
    assert environment.spin_until(lambda: environment.commands)
    environment.clear()
    show(environment, age_ns=60_000 * MS, episode_id='with an earlier clock')
    assert environment.says(DiagnosticStatus.WARN, 'the limit is 4.0 s')
    assert not environment.commands


def test_effects_are_seen_by_the_time_of_stamps_though_their_clock_is_ahead(environment, node):
    node._see_effects = True
    for taken_before in (False, True, False):
        stamp = time.time_ns() + 2000 * MS
        environment.tell('ahead', 'press', stamp)
        environment.spin_until(lambda: False, 0.2)
        if taken_before:
            # It was on its way while the command was sent.
            stamp = stamp_to_ns(environment.commands[0].header.stamp) + MS
            environment.tell('ahead', 'press', stamp)
            environment.spin_until(lambda: False, 0.2)
        environment.clear()
        environment.show_parts(environment.random_images(24), stamp)
        assert (
            environment.spin_until(lambda: environment.commands, 1 if taken_before else 10)
            != taken_before
        )
        environment.spin_until(lambda: not node._worker.busy)
        if not taken_before:
            last = list(environment.commands)
        environment.commands[:] = last
    node._see_effects = False


def test_a_knocked_camera_is_told_with_an_overlay_until_it_is_put_back(environment, node):
    def show_view(episode_id, picture):
        stamp = time.time_ns()
        environment.tell(episode_id, 'press', stamp)
        environment.spin_until(lambda: False, 0.2)
        environment.statuses.clear()
        environment.show_parts({'front': picture}, stamp)

    show_view('knocked', np.roll(PICTURE, 2, axis=1))
    assert environment.says(
        DiagnosticStatus.WARN,
        'camera front is not where it was in the demonstrations: its view is shifted by 2.',
    )
    path = node._views._folder / 'front_overlay.png'
    assert load_picture(path).shape == (24, 24, 3)
    show_view('put back', PICTURE)
    assert environment.spin_until(
        lambda: any(
            'vla' in status.name
            and status.level == DiagnosticStatus.OK
            and any(
                value.key == 'front view shift' and value.value.startswith('0.')
                for value in status.values
            )
            for status in environment.statuses
        )
    )


def test_callbacks_are_served_while_the_model_works(environment, node):
    ticks = []
    timer = node.create_timer(0.005, lambda: ticks.append(time.monotonic()))
    show(environment)
    assert environment.spin_until(lambda: node._worker.busy)
    began = time.monotonic()
    environment.spin_until(lambda: not node._worker.busy)
    ended = time.monotonic()
    node.destroy_timer(timer)
    assert ended - began > 0.05, 'the model must be slow for this test to tell anything'
    assert sum(began < tick < ended for tick in ticks) >= 3
    assert environment.spin_until(lambda: environment.commands)


def test_a_new_instruction_is_warmed_up_before_its_first_observation(environment, node):
    graphs = node._vla.backbone._tracer._graphs
    before = len(graphs)
    environment.tell('three', 'open the drawer', time.time_ns())
    assert environment.spin_until(lambda: len(graphs) > before)
    assert environment.spin_until(lambda: not node._worker.busy)
    assert not environment.commands


def test_a_crash_of_the_policy_is_said_until_it_works_again(environment, node):
    layer = node._vla.head.mlp[0]
    good = layer.weight.data
    layer.weight.data = torch.zeros(1, 1)
    show(environment)
    assert environment.says(DiagnosticStatus.ERROR, 'RuntimeError')
    environment.spin_until(lambda: False, 0.3)
    environment.statuses.clear()
    show(environment, phase=EpisodeState.PHASE_ENDED, episode_id='four')
    assert environment.says(DiagnosticStatus.ERROR, 'RuntimeError'), 'observations cure nothing'
    assert not environment.commands
    layer.weight.data = good
    show(environment)
    assert environment.spin_until(lambda: environment.commands)
    environment.statuses.clear()
    assert environment.spin_until(
        lambda: any(
            'vla' in status.name and status.level == DiagnosticStatus.OK
            for status in environment.statuses
        )
    )
