# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The real expert and simulator over DDS: they give the in-process demonstration, bit for bit."""

from client import Client, running
import numpy as np

from irevla_control.ros.messages import stamp_to_ns
from irevla_msgs.msg import EpisodeState
from irevla_sim.metaworld_env import MetaWorldEnv
from irevla_sim.rollout import demonstrate


def test_the_graph_gives_the_demonstration_of_the_process(ros):
    client = Client(namespace='/expert')
    with running('metaworld_node', '/expert'), running('expert_node', '/expert', noise_std=0.2):
        client.wait_for_simulator(expert=True)
        for task, seed in (('drawer-close', 5), ('window-open-new', 6)):
            observation = client.start(task, seed)
            states, stamps = [], []
            while client.episode.phase == EpisodeState.PHASE_RUNNING:
                stamps.append(stamp_to_ns(client.episode.header.stamp))
                states.append(observation['state'])
                client.spin_until(lambda: stamps[-1] in client.commands
                                  and stamps[-1] in client.labels)
                observation = client.step(client.commands[stamps[-1]])
            env = MetaWorldEnv()
            expected = demonstrate(env, task, seed, 0.2)
            env.close()
            np.testing.assert_array_equal(states, expected.states)
            np.testing.assert_array_equal([client.commands[s] for s in stamps], expected.actions)
            np.testing.assert_array_equal([client.labels[s] for s in stamps], expected.labels)
            assert client.episode.success == expected.success
            client.spin_for(0.3)
            assert len(client.commands) == len(stamps), 'the expert answered after the end'
            client.commands.clear()
    client.close()
