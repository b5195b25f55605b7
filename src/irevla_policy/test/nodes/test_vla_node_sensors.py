# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The node with stamps like those of sensors and a slow model, on the test's executor."""

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
from irevla_control.checks.own_domain import use_own_domain
from irevla_control.ros.conversions import stamp_to_ns
from irevla_msgs.msg import EpisodeState
from irevla_policy.checkpoints.checkpoint import save_checkpoint
from irevla_policy.model.config import BackboneConfig, TinyConfig
from irevla_policy.nodes.vla_node import VlaNode

MS = 1_000_000
# The image of the reference view.
PICTURE = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)


@pytest.fixture(scope='module')
def graph(tmp_path_factory):
    """Return a node and an environment; many tokens make the model slow with few weights."""
    backbone = BackboneConfig(
        tiny=TinyConfig(width=32, attention_heads=2, queries=1500, text_layers=8)
    )
    checkpoint = tmp_path_factory.mktemp('policy') / 'checkpoint'
    vla = tiny_vla(backbone=backbone, cameras=('front',))
    vla.views = {'front': reference_view([PICTURE] * 3)}
    save_checkpoint(checkpoint, vla)
    use_own_domain()
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
    environment.publish_episode('warm up', 'press', time.time_ns())
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


def publish(environment, age_ns=0, skew_ns=0, phase=EpisodeState.PHASE_RUNNING, episode_id='one'):
    stamp = time.time_ns() - age_ns
    environment.publish_episode(episode_id, 'press', stamp, phase)
    # As with sensors, the episode's message comes before its observation.
    environment.spin_until(lambda: False, 0.2)
    environment.publish_parts(environment.random_images(24), stamp, STATE, skew_ns)
    return stamp


def test_parts_within_the_skew_form_an_observation_and_others_none(environment):
    publish(environment, skew_ns=-30 * MS)
    assert not environment.spin_until(lambda: environment.commands, 1)
    stamp = publish(environment, skew_ns=-15 * MS)
    assert environment.spin_until(lambda: environment.commands)
    assert stamp_to_ns(environment.commands[0].header.stamp) == stamp


def test_an_observation_with_an_old_stamp_gets_no_command(environment):
    publish(environment, episode_id='with a clock')
    assert environment.spin_until(lambda: environment.commands)
    environment.clear()
    publish(environment, age_ns=60_000 * MS, episode_id='with an earlier clock')
    assert environment.reports(DiagnosticStatus.WARN, 'the limit is 4.0 s')
    assert not environment.commands


def test_see_effects_compares_stamps_even_if_their_clock_is_ahead(environment, node):
    node._see_effects = True
    for taken_before in (False, True, False):
        stamp = time.time_ns() + 2000 * MS
        environment.publish_episode('ahead', 'press', stamp)
        environment.spin_until(lambda: False, 0.2)
        if taken_before:
            # The observation was in transit when the command was sent.
            stamp = stamp_to_ns(environment.commands[0].header.stamp) + MS
            environment.publish_episode('ahead', 'press', stamp)
            environment.spin_until(lambda: False, 0.2)
        environment.clear()
        environment.publish_parts(environment.random_images(24), stamp)
        assert (
            environment.spin_until(lambda: environment.commands, 1 if taken_before else 10)
            != taken_before
        )
        environment.spin_until(lambda: not node._worker.busy)
        if not taken_before:
            last = list(environment.commands)
        environment.commands[:] = last
    node._see_effects = False


def test_a_moved_camera_is_reported_with_an_overlay_until_it_is_restored(environment, node):
    def publish_view(episode_id, picture):
        stamp = time.time_ns()
        environment.publish_episode(episode_id, 'press', stamp)
        environment.spin_until(lambda: False, 0.2)
        environment.statuses.clear()
        environment.publish_parts({'front': picture}, stamp)

    publish_view('moved', np.roll(PICTURE, 2, axis=1))
    assert environment.reports(
        DiagnosticStatus.WARN,
        'camera front is not where it was in the demonstrations: its view is shifted by 2.',
    )
    path = node._views._folder / 'front_overlay.png'
    assert load_picture(path).shape == (24, 24, 3)
    publish_view('restored', PICTURE)
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


def test_callbacks_run_during_the_model_s_forward_pass(environment, node):
    ticks = []
    timer = node.create_timer(0.005, lambda: ticks.append(time.monotonic()))
    publish(environment)
    assert environment.spin_until(lambda: node._worker.busy)
    began = time.monotonic()
    environment.spin_until(lambda: not node._worker.busy)
    ended = time.monotonic()
    node.destroy_timer(timer)
    assert ended - began > 0.05, 'the model is too fast for this test'
    assert sum(began < tick < ended for tick in ticks) >= 3
    assert environment.spin_until(lambda: environment.commands)


def test_a_new_instruction_is_warmed_up_before_its_first_observation(environment, node):
    graphs = node._vla.backbone._tracer._graphs
    before = len(graphs)
    environment.publish_episode('three', 'open the drawer', time.time_ns())
    assert environment.spin_until(lambda: len(graphs) > before)
    assert environment.spin_until(lambda: not node._worker.busy)
    assert not environment.commands


def test_an_error_of_the_policy_is_reported_until_it_works_again(environment, node):
    layer = node._vla.head.mlp[0]
    good = layer.weight.data
    layer.weight.data = torch.zeros(1, 1)
    publish(environment)
    assert environment.reports(DiagnosticStatus.ERROR, 'RuntimeError')
    environment.spin_until(lambda: False, 0.3)
    environment.statuses.clear()
    publish(environment, phase=EpisodeState.PHASE_ENDED, episode_id='four')
    assert environment.reports(DiagnosticStatus.ERROR, 'RuntimeError'), 'it was cleared'
    assert not environment.commands
    layer.weight.data = good
    publish(environment)
    assert environment.spin_until(lambda: environment.commands)
    environment.statuses.clear()
    assert environment.spin_until(
        lambda: any(
            'vla' in status.name and status.level == DiagnosticStatus.OK
            for status in environment.statuses
        )
    )
