# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Noise on the commands of scripted experts; their labels have none."""

from irevla_control.parameters.parameter import Parameter

NOISE_STD_RANGE = 0.0, 2.0
NOISE_STD = Parameter(
    0.3,
    'standard deviation of the noise on commands, as a share of the largest command',
    *NOISE_STD_RANGE,
)
