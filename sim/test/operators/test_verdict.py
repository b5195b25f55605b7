# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The script says when a task is done, not beside a success classifier."""

import numpy as np
import pytest

from irevla_msgs.msg import EpisodeState, OperatorVerdict, SimulatorState
from irevla_sim.panda import scripted_operator_node as module
from irevla_sim.panda.table.objects import POSITIONS, TableState

pytestmark = pytest.mark.usefixtures('ros')


@pytest.mark.parametrize('judge', [True, False])
def test_a_verdict_is_given_unless_a_classifier_judges(judge, monkeypatch):
    declare = module.declare
    monkeypatch.setattr(
        module, 'declare', lambda *of: declare(*of) | {'demonstrate': False, 'judge': judge}
    )
    # The button is pressed by 1 m.
    monkeypatch.setattr(TableState, 'moved', lambda *_: -1.0)
    node, verdicts = module.ScriptedOperatorNode(), []
    monkeypatch.setattr(node._verdict, 'publish', verdicts.append)
    node._on_episode(
        EpisodeState(episode_id='0', task='press-button', phase=EpisodeState.PHASE_RUNNING)
    )
    for _ in range(2):
        node._on_scene(SimulatorState(values=np.zeros(POSITIONS)))
    node.destroy_node()
    assert [one.verdict for one in verdicts] == [OperatorVerdict.SUCCESS] * judge
