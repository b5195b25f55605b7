# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A hand on a SpaceMouse Compact: the bytes that it sends, decoded by the real library."""

from irevla_control.teleop.hid_reports import (
    MODEL,
    HidReports,
    held,
    moved,
    pressed,
    reported_device,
    turned,
)
from irevla_control.teleop.spacemouse import SpaceMouse, SpaceMouseSettings


class Hand:
    """A hand on the mouse: raw axes right, towards the user, down, as HID has them."""

    def __init__(self, model=MODEL, **settings):
        self.reports, self.now = HidReports(), 100.0
        self.mouse = SpaceMouse(reported_device(self.reports, model),
                                SpaceMouseSettings(**settings),
                                lambda: self.now)

    def move(self, **push):
        self.reports.waiting.append(moved(**push))
        self.mouse.update()

    def hold(self, **way):
        self.reports.waiting.append(held(**way))
        self.mouse.update()

    def turn(self, **twist):
        self.reports.waiting.append(turned(**twist))
        self.mouse.update()

    def press(self, *buttons):
        self.reports.waiting.append(pressed(*buttons))
        self.mouse.update()
