# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of node `console`, apart from its page, whose library takes seconds to import."""

from irevla_control.console.ports import HIGH, LOW
from irevla_control.parameters.parameter import CAMERA, Parameter

PARAMETERS = {
    'cameras': Parameter([''], 'names of the cameras to show', form=CAMERA),
    'tasks': Parameter([''], 'names of the tasks to choose from'),
    'port': Parameter(
        8080,
        'port of the page at 127.0.0.1; if it is in use, the next free one of ten',
        LOW,
        HIGH,
    ),
    'rate_hz': Parameter(
        10.0, 'largest rate of the images and values while somebody looks [Hz]', 1.0, 60.0
    ),
    'max_width_px': Parameter(
        640, 'width above which images are reduced before they are encoded [pixels]', 64, 4096
    ),
    'jpeg_quality': Parameter(80, 'quality of the encoded images', 1, 100),
}
