# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A hand on a SpaceMouse Compact: the bytes that it sends, decoded by the real library."""

from collections import deque
import struct

import pyspacemouse

from irevla_control.spacemouse import SpaceMouse, SpaceMouseSettings

FULL = 350


class Wire:
    """What `easyhid` gives of a device: reports as they come over USB."""

    def __init__(self):
        self.reports, self.gone = deque(), False

    def read(self, size, timeout=None):
        if self.gone:
            raise OSError('device disconnected')
        return self.reports.popleft() if self.reports else b''

    def close(self):
        self.gone = True


def moved(right=0, back=0, down=0):
    """Return the report of a cap pushed so."""
    return bytes([1]) + struct.pack('<3h', right, back, down)


def pressed(*buttons):
    """Return the report of these buttons."""
    return bytes([3, sum(1 << button for button in buttons)])


def device(wire):
    """Return an opened device that reads from this wire."""
    info = pyspacemouse.apply_axis_convention(
        pyspacemouse.get_device_specs()['SpaceMouseCompact'], pyspacemouse.AxisConvention.ROS)
    return pyspacemouse.SpaceMouseDevice(info, wire)


class Hand:
    """A hand on the mouse: raw axes right, towards the user, down, as HID has them."""

    def __init__(self, **settings):
        self.wire, self.now = Wire(), 100.0
        self.mouse = SpaceMouse(device(self.wire), SpaceMouseSettings(**settings),
                                lambda: self.now)

    def move(self, **push):
        self.wire.reports.append(moved(**push))
        self.mouse.update()

    def turn(self, a=0, b=0, c=0):
        self.wire.reports.append(bytes([2]) + struct.pack('<3h', a, b, c))
        self.mouse.update()

    def press(self, *buttons):
        self.wire.reports.append(pressed(*buttons))
        self.mouse.update()
