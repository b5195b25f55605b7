# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters that the simulator's node and the expert's node share."""

from irevla_control.parameters.parameter import Parameter
from irevla_sim.simulator.simulator import DEFAULT

SHARED = {
    'simulator': Parameter(
        DEFAULT, 'name of a shipped simulator, or a Python module that has SIMULATOR'
    ),
    'action_repeat': Parameter(
        0, "simulator steps for one command; 0: the task's, else the simulator's", 0, 100
    ),
    'tasks_file': Parameter('', 'YAML file with user-defined tasks, in addition to the catalogue'),
}
