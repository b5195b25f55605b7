# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of node `vla`, which a launch checks without loading what the node needs."""

from irevla_control.parameters.parameter import MAX_SKEW, Parameter

PARAMETERS = {
    'checkpoint': Parameter('', 'folder of the trained policy'),
    'device': Parameter('auto', 'where the model runs', choices=('auto', 'cpu', 'cuda')),
    'threads': Parameter(1, 'CPU threads of the model', 1, 256),
    'max_age_s': Parameter(
        0.5, 'an observation that waited longer than this is not acted on [s]', 0.001, 60.0
    ),
    'max_skew_s': MAX_SKEW,
    'see_effects': Parameter(
        False,
        'act only on what was taken after the last command was sent, so that a learner '
        'sees what each action did; simulators that wait show nothing else',
    ),
    'noise_std_low': Parameter(
        0.0,
        "least spread of an episode's exploration noise; 1 is half the demonstrated range",
        0.0,
        2.0,
    ),
    'noise_std_high': Parameter(0.0, 'largest spread; 0: the policy itself acts', 0.0, 2.0),
    'noise_correlation': Parameter(0.7, 'of the noise from one action to the next', 0.0, 1.0),
    'noise_seed': Parameter(0, 'of the noise', 0, 2**53),
    'max_view_shift_px': Parameter(
        3.0,
        "shift of a camera's view from that of the demonstrations above which it is "
        'reported [pixels]',
        0.1,
        1000.0,
    ),
    'views_folder': Parameter(
        '',
        "folder for overlays of shifted views; empty: views/<namespace> in ROS's folder of logs",
    ),
    'encode_last': Parameter(
        False, "also publish the policy_step of an episode's last observation, for a learner"
    ),
}
