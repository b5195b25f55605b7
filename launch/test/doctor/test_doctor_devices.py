# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""RealSense cameras on USB 3, and permission to open them and the SpaceMouse."""

import os
from pathlib import Path
import tempfile

import pytest
from system_tree import NOBODY, without_root, write

from irevla_bringup.doctor import cameras, mouse

D435I = 'Intel(R) RealSense(TM) Depth Camera 435i'
# /sys/class/hidraw/hidraw*/device/uevent of two mice and a keyboard.
COMPACT = (
    'DRIVER=hid-generic\nHID_ID=0003:0000256F:0000C635\nHID_NAME=3Dconnexion SpaceMouse Compact\n'
)
PRO = 'DRIVER=hid-generic\nHID_ID=0003:0000046D:0000C62B\nHID_NAME=3Dconnexion SpaceMouse Pro\n'
KEYBOARD = 'DRIVER=logitech\nHID_ID=0003:0000046D:0000C31C\nHID_NAME=Logitech USB Keyboard\n'


@pytest.fixture
def root():
    """Yield a folder that every user may search, unlike pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def plug_camera(root, port, speed, vendor='8086', product=D435I, mode=0o666):
    number = int(port[-1])
    write(
        root,
        {
            **{
                f'sys/bus/usb/devices/{port}/{name}': f'{text}\n'
                for name, text in {
                    'idVendor': vendor,
                    'idProduct': '0b3a',
                    'product': product,
                    'speed': speed,
                    'busnum': '2',
                    'devnum': number,
                }.items()
            },
            f'dev/bus/usb/002/00{number}': '',
        },
    )
    (root / f'dev/bus/usb/002/00{number}').chmod(mode)


def plug_mouse(root, number, uevent, mode=0o600):
    write(
        root, {f'sys/class/hidraw/hidraw{number}/device/uevent': uevent, f'dev/hidraw{number}': ''}
    )
    (root / f'dev/hidraw{number}').chmod(mode)


def test_without_devices_there_is_nothing_to_check(root):
    for check in (cameras.speed, cameras.access, mouse.access):
        assert check(root).status == 'not applicable'


@pytest.mark.parametrize(
    ('speed', 'status'), [('5000', 'ok'), ('10000', 'ok'), ('480', 'problem'), ('', 'problem')]
)
def test_each_camera_needs_usb_3(root, speed, status):
    plug_camera(root, '2-1', '5000')
    plug_camera(root, '2-2', speed)
    # A Bluetooth adapter of the same vendor, and another camera.
    plug_camera(root, '1-3', '12', product='')
    plug_camera(root, '1-4', '480', vendor='046d', product='HD Pro Webcam')
    found = cameras.speed(root)
    assert found.status == status and ('USB 3' in found.remedy) == (status == 'problem')
    assert found.found.startswith('RealSense Depth Camera 435i at 2-1: 5000 Mbit/s, ')
    assert 'at 1-' not in found.found


def test_a_camera_that_only_root_may_open_needs_the_udev_rules(root):
    plug_camera(root, '2-1', '5000')
    with without_root():
        assert cameras.access(root).status == 'ok'
    plug_camera(root, '2-2', '5000', mode=0o400)
    with without_root():
        found = cameras.access(root)
    assert found.status == 'problem' and found.found.endswith('002/002)')
    assert 'udev' in found.remedy


@pytest.mark.parametrize('uevent', [COMPACT, PRO])
def test_a_mouse_that_only_root_may_open_needs_the_udev_rule(root, uevent):
    plug_mouse(root, 0, KEYBOARD)
    assert mouse.access(root).status == 'not applicable'
    plug_mouse(root, 1, uevent)
    with without_root():
        found = mouse.access(root)
    if not os.geteuid():
        assert found.status == 'problem' and 'docs/hardware.md' in found.remedy
        assert 'SpaceMouse' in found.found and 'Keyboard' not in found.found
        os.chown(root / 'dev/hidraw1', NOBODY, -1)
    with without_root():
        assert mouse.access(root).status == 'ok'


def test_a_mouse_without_its_file_is_a_problem(root):
    plug_mouse(root, 1, COMPACT)
    (root / 'dev/hidraw1').unlink()
    assert mouse.access(root).status == 'problem'


def test_the_remedy_is_in_the_docs():
    page = Path(__file__).resolve().parents[3] / 'docs/hardware.md'
    assert '/etc/udev/rules.d/70-spacemouse.rules' in page.read_text()
