# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Simulated HID reports of a SpaceMouse, decoded by the real library."""

from collections import deque
import struct

import pyspacemouse

MODEL = 'SpaceMouseCompact'
# Largest deflection in a report.
FULL = 350


class HidReports:
    """A device with the interface of `easyhid`, which returns queued reports in order."""

    def __init__(self) -> None:
        """Start without a report."""
        self.waiting: deque[bytes] = deque()
        self.gone = False

    def read(self, size: int, timeout: int | None = None) -> bytes:
        """Return the next report, padded to a size as `easyhid` pads it; empty if there is none.

        Raises:
            OSError: the device was unplugged.

        """
        if self.gone:
            raise OSError('device disconnected')
        return self.waiting.popleft()[:size].ljust(size, b'\0') if self.waiting else b''

    def close(self) -> None:
        """Unplug the device."""
        self.gone = True


def translation_report(right: int = 0, back: int = 0, down: int = 0) -> bytes:
    """Return the report of a translation of the cap along the device's axes, up to `FULL`."""
    return bytes([1]) + struct.pack('<3h', right, back, down)


def rotation_report(a: int = 0, b: int = 0, c: int = 0) -> bytes:
    """Return the report of a rotation of the cap about the device's axes, up to `FULL`."""
    return bytes([2]) + struct.pack('<3h', a, b, c)


def combined_report(
    right: int = 0, back: int = 0, down: int = 0, a: int = 0, b: int = 0, c: int = 0
) -> bytes:
    """Return the report of translation and rotation, for models that send both in one."""
    return bytes([1]) + struct.pack('<6h', right, back, down, a, b, c)


def button_report(*buttons: int) -> bytes:
    """Return the report of the buttons, by number, that are pressed at once."""
    bits = sum(1 << button for button in buttons)
    return bytes([3]) + bits.to_bytes(max(1, (bits.bit_length() + 7) // 8), 'little')


def reported_device(reports: HidReports, model: str = MODEL) -> pyspacemouse.SpaceMouseDevice:
    """Return an opened SpaceMouse with axes forward, left, up that reads these reports."""
    info = pyspacemouse.apply_axis_convention(
        pyspacemouse.get_device_specs()[model], pyspacemouse.AxisConvention.ROS
    )
    return pyspacemouse.SpaceMouseDevice(info, reports)
