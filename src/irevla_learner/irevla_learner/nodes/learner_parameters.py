# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of node `learner`, which a launch checks without loading what the node needs."""

from irevla_control.parameters.parameter import Parameter

PARAMETERS = {
    'checkpoint': Parameter('', 'folder of the policy to improve; it must stay until the end'),
    'settings': Parameter('', 'YAML file of SACfD; built-in ones when empty'),
    'root': Parameter('', 'folder for replay, metrics and the improved policy'),
    'device': Parameter('cpu', 'where the learner runs', choices=('cpu', 'cuda')),
    'threads': Parameter(1, 'CPU threads of the learner', 1, 256),
    'seed': Parameter(0, 'of everything random', 0, 2**53),
    'max_pending_updates': Parameter(
        200, 'pending updates above which no episode begins', 0, 1_000_000),
    'publish_period_s': Parameter(0.5, 'least time between two versions [s]', 0.01, 60.0),
    'log_period_s': Parameter(10.0, 'time between two lines of progress [s]', 0.1, 3600.0),
}
