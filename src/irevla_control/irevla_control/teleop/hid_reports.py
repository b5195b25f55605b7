# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A SpaceMouse without its USB: the bytes that it sends, from elsewhere, for the real decoder."""

from collections import deque
import struct

import pyspacemouse

MODEL = 'SpaceMouseCompact'
# Largest deflection that it reports.
FULL = 350


class HidReports:
    """What `easyhid` gives of a device: reports in the order in which they came."""

    def __init__(self) -> None:
        """Begin without a report."""
        self.waiting: deque[bytes] = deque()
        self.gone = False

    def read(self, size: int, timeout: int | None = None) -> bytes:
        """Return the next report, padded to a size as `easyhid` does it; empty when none waits.

        Raises:
            OSError: the device is gone.

        """
        if self.gone:
            raise OSError('device disconnected')
        return self.waiting.popleft()[:size].ljust(size, b'\0') if self.waiting else b''

    def close(self) -> None:
        """Pull it out."""
        self.gone = True


def moved(right: int = 0, back: int = 0, down: int = 0) -> bytes:
    """Return the report of a cap pushed so, along the device's own axes; `FULL` at most."""
    return bytes([1]) + struct.pack('<3h', right, back, down)


def turned(a: int = 0, b: int = 0, c: int = 0) -> bytes:
    """Return the report of a cap turned so, about the device's own axes."""
    return bytes([2]) + struct.pack('<3h', a, b, c)


def held(right: int = 0, back: int = 0, down: int = 0, a: int = 0, b: int = 0,
         c: int = 0) -> bytes:
    """Return the report of a cap pushed and turned so, of models that tell both in one."""
    return bytes([1]) + struct.pack('<6h', right, back, down, a, b, c)


def pressed(*buttons: int) -> bytes:
    """Return the report of these buttons, by number, held at once."""
    bits = sum(1 << button for button in buttons)
    return bytes([3]) + bits.to_bytes(max(1, (bits.bit_length() + 7) // 8), 'little')


def reported_device(reports: HidReports, model: str = MODEL) -> pyspacemouse.SpaceMouseDevice:
    """Return an opened SpaceMouse with axes forward, left, up that reads these."""
    info = pyspacemouse.apply_axis_convention(
        pyspacemouse.get_device_specs()[model], pyspacemouse.AxisConvention.ROS)
    return pyspacemouse.SpaceMouseDevice(info, reports)
