# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of the RealSense cameras: USB speed and access."""

from dataclasses import dataclass
import os
from pathlib import Path

from irevla_bringup.doctor.result import Result, not_applicable, ok, problem, read_text

INTEL = '8086'
# The lowest speed of USB 3 [Mbit/s].
USB3_MBIT = 5000
NONE = 'no RealSense camera is connected'


@dataclass(frozen=True)
class UsbCamera:
    """A connected camera.

    Attributes:
        name: product and port, such as 'RealSense Depth Camera 435 at 2-1'.
        mbit: speed of its USB link [Mbit/s].
        node: its file, which the SDK opens.

    """

    name: str
    mbit: float
    node: Path


def speed(root: Path) -> Result:
    """Check that each camera has a USB 3 link."""
    cameras = connected(root)
    if not cameras:
        return not_applicable(NONE)
    found = ', '.join(f'{each.name}: {each.mbit:g} Mbit/s' for each in cameras)
    if all(each.mbit >= USB3_MBIT for each in cameras):
        return ok(found)
    return problem(
        f'{found}; {USB3_MBIT} are needed',
        'a USB 3 port (blue) and cable for each camera; insert the plug quickly, to its end',
    )


def access(root: Path) -> Result:
    """Check that this user may open each camera."""
    cameras = connected(root)
    if not cameras:
        return not_applicable(NONE)
    closed = [
        f'{each.name} ({each.node})'
        for each in cameras
        if not os.access(each.node, os.R_OK | os.W_OK, effective_ids=True)
    ]
    if not closed:
        return ok(f'{len(cameras)} cameras can be opened')
    return problem(
        f'this user may not open {", ".join(closed)}',
        "install librealsense's udev rules (99-realsense-libusb.rules), unplug and plug in",
    )


def connected(root: Path) -> list[UsbCamera]:
    """Return the connected RealSense cameras, by port."""
    cameras = []
    for folder in sorted((root / 'sys/bus/usb/devices').glob('*')):
        product = read_text(folder / 'product')
        if read_text(folder / 'idVendor') != INTEL or 'RealSense' not in product:
            continue
        numbers = [read_text(folder / name) for name in ('busnum', 'devnum')]
        bus, device = (number.zfill(3) for number in numbers)
        name = product.replace('(R)', '').replace('(TM)', '').removeprefix('Intel ')
        try:
            mbit = float(read_text(folder / 'speed'))
        except ValueError:
            mbit = 0.0
        cameras.append(
            UsbCamera(f'{name} at {folder.name}', mbit, root / 'dev/bus/usb' / bus / device)
        )
    return cameras
