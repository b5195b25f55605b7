# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of node `learner`, without torch, so that a launch can check them."""

from irevla_control.parameters.parameter import Parameter

PARAMETERS = {
    'checkpoint': Parameter('', 'folder of the policy to train; it must exist until the end'),
    'settings': Parameter('', 'YAML file of SACfD settings; empty: built-in settings'),
    'task': Parameter(
        '', 'name of the task that is learned; episodes of others are easier ones; empty: any'
    ),
    'root': Parameter('', 'folder for replay, metrics and the trained policy'),
    'device': Parameter('cpu', 'torch device of the learner', choices=('cpu', 'cuda')),
    'threads': Parameter(1, 'CPU threads of the learner', 1, 256),
    'seed': Parameter(0, 'seed of all random numbers', 0, 2**53),
    'max_pending_updates': Parameter(
        200, 'pending updates above which no episode begins', 0, 1_000_000
    ),
    'publish_period_s': Parameter(
        0.5, 'shortest time between two versions of the head [s]', 0.01, 60.0
    ),
    'log_period_s': Parameter(10.0, 'time between two log lines of progress [s]', 0.1, 3600.0),
}
