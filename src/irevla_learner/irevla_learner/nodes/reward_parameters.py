# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of node `reward`, without torch, so that a launch can check them."""

from irevla_control.parameters.parameter import Parameter

PARAMETERS = {
    'checkpoint': Parameter('', 'folder of the policy whose latents it reads'),
    'classifier': Parameter('', 'folder of the success classifier'),
}
