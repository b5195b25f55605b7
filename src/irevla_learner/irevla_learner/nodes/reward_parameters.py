# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of node `reward`, which a launch checks without loading what the node needs."""

from irevla_control.parameters.parameter import Parameter

PARAMETERS = {
    'checkpoint': Parameter('', 'folder of the policy whose latents it reads'),
    'classifier': Parameter('', 'folder of the success classifier'),
}
