# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Selects and opens one of the connected SpaceMice."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import easyhid
import pyspacemouse

from irevla_control.errors import IrevlaError

RECEIVER = 'UniversalReceiver'
# Usage page and usage of a multi-axis controller; a receiver may serve an ordinary mouse too.
GENERIC_DESKTOP, MULTI_AXIS = 1, 8


class SpaceMouseError(IrevlaError):
    """There is no SpaceMouse, or it cannot be opened."""


@dataclass(frozen=True)
class Plugged:
    """A connected SpaceMouse or receiver, with the HID interfaces that may send its reports.

    Attributes:
        model: pyspacemouse's name of the model.
        interfaces: easyhid's devices, opened or not. A receiver has one for each mouse that can
            be paired with it; only that of the paired mouse sends reports.

    """

    model: str
    interfaces: tuple[Any, ...]

    @property
    def serial(self) -> str:
        """The serial number, '' if there is none."""
        return self.interfaces[0].serial_number or ''

    @property
    def paths(self) -> str:
        """The paths of its interfaces."""
        return ', '.join(each.path for each in self.interfaces)

    def __str__(self) -> str:
        """Return model, paths and serial number."""
        serial = f' (serial {self.serial})' if self.serial else ''
        return f'{self.model} at {self.paths}{serial}'


class Interfaces:
    """All interfaces of one mouse behind the interface of one `easyhid` device."""

    def __init__(self, interfaces: Sequence[Any]) -> None:
        """Open all interfaces."""
        self._interfaces = interfaces
        for each in interfaces:
            each.open()
            each.set_nonblocking(True)

    def read(self, size: int) -> bytes:
        """Return the next report of any interface, padded to a size; empty if there is none."""
        return next(filter(None, (each.read(size) for each in self._interfaces)), b'')

    def close(self) -> None:
        """Close all interfaces."""
        for each in self._interfaces:
            each.close()


def usb_device(path: str) -> str:
    """Return a unique identifier of the USB device behind /dev/hidraw<n>."""
    linked = Path('/sys/class/hidraw', Path(path).resolve().name, 'device')
    return str(linked.resolve().parents[1]) if linked.exists() else path


def plugged_in(interfaces: Iterable[Any], of_usb: Callable[[str], str]) -> list[Plugged]:
    """Return the SpaceMice among HID interfaces; ``of_usb`` has the signature of `usb_device`."""
    models = {
        (spec.vendor_id, spec.product_id): name
        for name, spec in pyspacemouse.get_device_specs().items()
    }
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for each in interfaces:
        model = models.get((each.vendor_id, each.product_id))
        # Older versions of hidapi report no usage.
        usage = each.usage_page, each.usage
        if model and usage in ((0, 0), (GENERIC_DESKTOP, MULTI_AXIS)):
            found.setdefault((model, of_usb(each.path)), {})[each.path] = each
    return [
        Plugged(model, tuple(by_path[path] for path in sorted(by_path)))
        for (model, _), by_path in sorted(found.items())
    ]


def choose(plugged: Sequence[Plugged], device: str) -> Plugged:
    """Return the mouse with a path or serial number; for '' the only connected mouse.

    A mouse on a cable is preferred to a receiver: a wireless mouse on its cable reports there.

    Raises:
        SpaceMouseError: no mouse matches, or several do.

    """
    if not plugged:
        raise SpaceMouseError(
            'no SpaceMouse is found; plug it in, and allow access to '
            '/dev/hidraw* with the udev rule of docs/hardware.md'
        )
    listed = '; '.join(map(str, plugged))
    if device.startswith('/'):
        there = Path(device).resolve()
        for each in plugged:
            chosen = [one for one in each.interfaces if Path(one.path).resolve() == there]
            if chosen:
                return Plugged(each.model, tuple(chosen))
    matching = (
        [each for each in plugged if each.serial.lower() == device.lower()]
        if device
        else ([each for each in plugged if each.model != RECEIVER] or plugged)
    )
    if len(matching) != 1:
        raise SpaceMouseError(
            f'parameter device is {device!r}, and {len(matching)} SpaceMice '
            f'match; set it to the path or serial number of one: {listed}'
        )
    return matching[0]


def open_device(device: str = '') -> tuple[pyspacemouse.SpaceMouseDevice, Plugged]:
    """Open the mouse with a path or serial number, with axes forward, left, up.

    Raises:
        SpaceMouseError: as `choose`; or the mouse cannot be opened.

    """
    try:
        found = easyhid.Enumeration().find()
    except AttributeError as error:
        raise SpaceMouseError(
            f"SpaceMouse: {error}; install Debian's libhidapi-hidraw0"
        ) from error
    mouse = choose(plugged_in(found, usb_device), device)
    try:
        interfaces = Interfaces(mouse.interfaces)
    except (OSError, easyhid.HIDException) as error:
        raise SpaceMouseError(
            f'{mouse}: {error}; allow access to /dev/hidraw* with the udev rule '
            'of docs/hardware.md'
        ) from error
    info = pyspacemouse.apply_axis_convention(
        pyspacemouse.get_device_specs()[mouse.model], pyspacemouse.AxisConvention.ROS
    )
    return pyspacemouse.SpaceMouseDevice(info, interfaces), mouse
