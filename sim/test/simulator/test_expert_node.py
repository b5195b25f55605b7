# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The real expert and simulator over DDS give the in-process demonstration, bit for bit."""

from client import running
import numpy as np

from irevla_control.ros.conversions import stamp_to_ns
from irevla_msgs.msg import EpisodeState
from irevla_sim.simulator.rollout import demonstrate
from irevla_sim.simulator.simulator_env import SimulatorEnv


def play(client, task, seed):
    """Forward the expert's commands until the end; return stamps and states."""
    states, stamps = [client.start(task, seed)['state']], []
    while client.episode.phase == EpisodeState.PHASE_RUNNING:
        stamp = stamp_to_ns(client.episode.header.stamp)
        client.spin_until(lambda: stamp in client.commands and stamp in client.labels)  # noqa: B023
        stamps.append(stamp)
        states.append(client.step(client.commands[stamp])['state'])
    return stamps, states[:-1]


def test_the_graph_gives_the_in_process_demonstration(graph):
    env = SimulatorEnv('metaworld', cameras=(), horizon=30)
    with running('expert_node', noise_std=0.2):
        graph.wait_for_expert()
        for task, seed in (('drawer-close', 5), ('window-open-new', 6)):
            graph.commands.clear()
            graph.labels.clear()
            stamps, states = play(graph, task, seed)
            expected = demonstrate(env, task, seed, 0.2)
            np.testing.assert_array_equal(states, expected.states)
            np.testing.assert_array_equal([graph.commands[s] for s in stamps], expected.actions)
            np.testing.assert_array_equal([graph.labels[s] for s in stamps], expected.labels)
            assert graph.episode.success == expected.success
            graph.spin_for(0.3)
            assert len(graph.commands) == len(stamps), 'the expert answered after the end'
