# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Every model of pyspacemouse: its buttons, its reports, and the choice among several."""

import easyhid
from easyhid.easyhid import HIDDevice, ffi
from hand import Hand
import numpy as np
import pyspacemouse
import pytest

from irevla_control.errors import ConfigError
from irevla_control.teleop.hid_reports import FULL, button_report, combined_report
from irevla_control.teleop.spacemouse import SpaceMouse, SpaceMouseSettings, Verdict
from irevla_control.teleop.spacemouse_device import (
    SpaceMouseError,
    choose,
    open_device,
    plugged_in,
)

SPECS = pyspacemouse.get_device_specs()
# Names of the first and the second button, which are left and right on the mouse.
BUTTONS = {
    'SpaceMouseEnterprise': ('MENU', 'FIT'),
    'SpaceExplorer': ('BTN_1', 'BTN_2'),
    'SpaceNavigator': ('LEFT', 'RIGHT'),
    'SpaceMouseUSB': None,
    'SpaceMouseCompact': ('LEFT', 'RIGHT'),
    'SpaceMouseProWireless': ('MENU', 'FIT'),
    'SpaceMouseProWirelessBluetooth': ('MENU', 'FIT'),
    'SpaceMousePro': ('MENU', 'FIT'),
    'SpaceMouseWireless': ('LEFT', 'RIGHT'),
    'SpaceMouseWirelessNew': ('LEFT', 'RIGHT'),
    'UniversalReceiver': ('MENU', 'FIT'),
    'SpacePilot': ('BTN_1', 'BTN_2'),
    'SpacePilotPro': ('MENU', 'FIT'),
}
ONE_REPORT = [name for name, spec in SPECS.items() if spec.bytes_to_read == 13]


def test_the_table_covers_what_pyspacemouse_lists():
    assert BUTTONS.keys() == SPECS.keys()


@pytest.mark.parametrize('model', [name for name, names in BUTTONS.items() if names])
def test_the_two_buttons_of_each_model_work(model):
    hand = Hand(model)
    assert hand.mouse.buttons == BUTTONS[model]
    hand.press(0)
    hand.press()
    assert hand.mouse.closed and not hand.mouse.verdicts()
    hand.press(1)
    hand.press()
    assert hand.mouse.verdicts() == [Verdict.SUCCESS] and hand.mouse.closed


@pytest.mark.parametrize('model', ONE_REPORT)
def test_models_with_one_long_report_move_and_turn(model):
    hand = Hand(model)
    assert len(combined_report()) == 13
    hand.move_and_turn(back=-FULL, c=-FULL)
    np.testing.assert_allclose(hand.mouse.command()[:6], [0.02, 0, 0, 0, 0, 0.08], atol=1e-9)
    hand.move_and_turn()
    assert hand.mouse.command() is None


@pytest.mark.parametrize(
    ('model', 'buttons', 'bits'),
    [
        ('SpaceMousePro', ('BTN_1', 'BTN_2'), (12, 13)),
        ('SpaceMousePro', ('ALT', '24'), (23, 24)),
        ('SpaceMouseEnterprise', ('RIGHT', 'LOCK'), (4, 26)),
        ('SpaceMouseCompact', ('1', '0'), (1, 0)),
    ],
)
def test_buttons_are_chosen_by_name_or_number(model, buttons, bits):
    hand = Hand(model, buttons=buttons)
    hand.press(bits[0])
    hand.press()
    hand.press(bits[1])
    hand.press()
    assert hand.mouse.closed and hand.mouse.verdicts() == [Verdict.SUCCESS]


@pytest.mark.parametrize(
    ('model', 'buttons', 'error', 'words'),
    [
        (
            'UniversalReceiver',
            ('LEFT', 'FIT'),
            ConfigError,
            r"has 'LEFT'; .* has MENU \(0\), FIT \(1\)",
        ),
        ('SpaceMouseCompact', ('0', '7'), ConfigError, r"'7'; .* LEFT \(0\), RIGHT \(1\)"),
        ('SpaceMouseCompact', ('0', 'LEFT'), ConfigError, 'twice the same'),
        ('SpaceMouseCompact', ('0',), ConfigError, 'two are needed'),
        ('SpaceMouseUSB', ('0', '1'), SpaceMouseError, 'SpaceMouseUSB has 0 buttons'),
    ],
)
def test_missing_buttons_are_refused_with_the_available_ones(model, buttons, error, words):
    with pytest.raises(error, match=words):
        Hand(model, buttons=buttons)


class Interface(HIDDevice):
    """An interface as easyhid lists it, with simulated reports."""

    def __init__(self, path, model, serial=None, usage=(0, 0), refuses=False):
        spec = SPECS.get(model)
        self._kept = [ffi.new('char[]', path.encode()), ffi.new('wchar_t[]', serial or '')]
        super().__init__(
            ffi.new(
                'struct hid_device_info*',
                {
                    'path': self._kept[0],
                    'serial_number': self._kept[1],
                    'usage_page': usage[0],
                    'usage': usage[1],
                    'vendor_id': spec.vendor_id if spec else 0x46D,
                    'product_id': spec.product_id if spec else 0xC52B,
                },
            )
        )
        self.reports, self.opened, self._refuses = [], False, refuses

    def open(self):
        if self._refuses:
            raise easyhid.HIDException('Failed to open device')
        self.opened = True

    def set_nonblocking(self, enable_nonblocking):
        assert enable_nonblocking is True

    def read(self, size):
        data = self.reports.pop(0) if self.reports else b''
        return bytearray(data.ljust(size, b'\0') if data else b'')


def usb(path):
    """Return the USB device of a path such as /dev/receiver-1."""
    return path.split('-')[0]


RECEIVER = [Interface(f'/dev/receiver-{number}', 'UniversalReceiver') for number in range(5)]
CABLE = Interface('/dev/cable-0', 'SpaceMouseWireless', 'ABC1')
COMPACT = Interface('/dev/compact-0', 'SpaceMouseCompact')
KEYBOARD = Interface('/dev/keyboard-0', 'a keyboard')


@pytest.mark.parametrize(
    ('there', 'device', 'chosen'),
    [
        ([KEYBOARD, COMPACT], '', [COMPACT]),
        ([*RECEIVER, CABLE], '', [CABLE]),
        (RECEIVER, '', RECEIVER),
        ([CABLE, COMPACT], 'abc1', [CABLE]),
        ([CABLE, COMPACT], '/dev/compact-0', [COMPACT]),
        ([CABLE, *RECEIVER], '/dev/receiver-3', [RECEIVER[3]]),
    ],
)
def test_the_named_or_only_mouse_is_chosen(there, device, chosen):
    assert list(choose(plugged_in(there, usb), device).interfaces) == chosen


@pytest.mark.parametrize(
    ('there', 'device', 'words'),
    [
        ([KEYBOARD], '', 'no SpaceMouse is found; plug it in'),
        (
            [CABLE, COMPACT],
            '',
            r'2 SpaceMice match; .*SpaceMouseCompact at /dev/compact-0; '
            r'SpaceMouseWireless at /dev/cable-0 \(serial ABC1\)',
        ),
        ([COMPACT, KEYBOARD], '/dev/keyboard-0', "'/dev/keyboard-0', and 0 SpaceMice match"),
        ([COMPACT], 'XYZ', "'XYZ', and 0 SpaceMice match; .*at /dev/compact-0"),
    ],
)
def test_an_ambiguous_device_is_refused_with_the_connected_ones(there, device, words):
    with pytest.raises(SpaceMouseError, match=words):
        choose(plugged_in(there, usb), device)


def test_an_ordinary_mouse_behind_the_same_receiver_is_never_read():
    desk = Interface('/dev/receiver-1', 'UniversalReceiver', usage=(1, 2))
    mouse = Interface('/dev/receiver-2', 'UniversalReceiver', usage=(1, 8))
    # hidapi lists each use of an interface.
    twice = Interface('/dev/receiver-2', 'UniversalReceiver', usage=(1, 8))
    (plugged,) = plugged_in([desk, mouse, twice], usb)
    assert plugged.paths == '/dev/receiver-2'


def test_reports_are_read_from_all_interfaces_of_a_receiver(monkeypatch):
    interfaces = [Interface(f'/dev/hidraw{number}', 'UniversalReceiver') for number in range(3)]
    monkeypatch.setattr('easyhid.easyhid._hid_enumerate', lambda *_: interfaces)
    monkeypatch.setattr('irevla_control.teleop.spacemouse_device.usb_device', lambda path: 'one')
    device, plugged = open_device()
    assert str(plugged) == 'UniversalReceiver at /dev/hidraw0, /dev/hidraw1, /dev/hidraw2'
    assert all(each.opened for each in interfaces)
    mouse = SpaceMouse(device, SpaceMouseSettings(), lambda: 0.0)
    # A two-button mouse sends three bytes; the library reads 13.
    interfaces[1].reports += [
        combined_report(back=-FULL),
        button_report(1) + b'\0',
        button_report() + b'\0',
    ]
    mouse.update()
    assert mouse.command()[0] == pytest.approx(0.02)
    assert mouse.verdicts() == [Verdict.SUCCESS]


def test_a_mouse_without_read_permission_is_reported_with_the_remedy(monkeypatch):
    monkeypatch.setattr(
        'easyhid.easyhid._hid_enumerate',
        lambda *_: [Interface('/dev/hidraw9', 'SpaceMouseCompact', refuses=True)],
    )
    with pytest.raises(SpaceMouseError, match='SpaceMouseCompact at /dev/hidraw9: .*udev rule'):
        open_device()
