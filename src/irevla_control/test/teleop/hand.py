# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A hand on a simulated SpaceMouse, whose reports the real library decodes."""

from irevla_control.teleop.hid_reports import (
    MODEL,
    HidReports,
    button_report,
    combined_report,
    reported_device,
    rotation_report,
    translation_report,
)
from irevla_control.teleop.spacemouse import SpaceMouse, SpaceMouseSettings


class Hand:
    """A hand on the mouse; raw HID axes: right, towards the user, down."""

    def __init__(self, model=MODEL, **settings):
        self.reports, self.now = HidReports(), 100.0
        self.mouse = SpaceMouse(
            reported_device(self.reports, model), SpaceMouseSettings(**settings), lambda: self.now
        )

    def move(self, **push):
        self.reports.waiting.append(translation_report(**push))
        self.mouse.update()

    def move_and_turn(self, **deflection):
        self.reports.waiting.append(combined_report(**deflection))
        self.mouse.update()

    def turn(self, **twist):
        self.reports.waiting.append(rotation_report(**twist))
        self.mouse.update()

    def press(self, *buttons):
        self.reports.waiting.append(button_report(*buttons))
        self.mouse.update()
