# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The real node of the expert: what it refuses."""

from client import Client, running

from irevla_control.ros.qos import EVENT
from irevla_msgs.msg import EpisodeState


def test_a_task_without_an_expert_is_refused(ros, tmp_path):
    file = tmp_path / 'own.yaml'
    file.write_text(
        'right: {instruction: open it, joint: right_hinge_cabinet, opened: 1.4, '
        'handle: {body: hingerightdoor, point: [0, 0, 0]}}\n'
    )
    client = Client(namespace='/refusal')
    episodes = client.node.create_publisher(EpisodeState, 'episode', EVENT)

    def refused():
        statuses = [status for array in client.diagnostics for status in array.status]
        return any("'right' has no scripted expert" in status.message for status in statuses)

    with running('expert_node', '/refusal', simulator='kitchen', tasks_file=file):
        episodes.publish(
            EpisodeState(episode_id='one', task='right', phase=EpisodeState.PHASE_RUNNING)
        )
        client.spin_until(refused, 20)
    client.close()
