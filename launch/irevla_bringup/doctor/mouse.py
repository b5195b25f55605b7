# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Check that this user may open the SpaceMouse."""

import os
from pathlib import Path
import re

from irevla_bringup.doctor.result import Result, not_applicable, ok, problem, read_text

# Vendors of SpaceMice, and the products of the second, which also makes ordinary mice.
CONNEXION, LOGITECH = 0x256F, 0x046D
LOGITECH_SPACEMICE = {0xC625, 0xC626, 0xC627, 0xC629, 0xC62B}


def access(root: Path) -> Result:
    """Check that this user may read and write each SpaceMouse."""
    mice = connected(root)
    if not mice:
        return not_applicable('no SpaceMouse is connected')
    closed = [
        f'{name} ({node})'
        for name, node in mice
        if not os.access(node, os.R_OK | os.W_OK, effective_ids=True)
    ]
    if not closed:
        return ok(', '.join(f'{name} at /dev/{node.name}' for name, node in mice))
    return problem(
        f'this user may not open {", ".join(closed)}',
        'the udev rule at the top of docs/hardware.md, in /etc/udev/rules.d/70-spacemouse.rules',
    )


def connected(root: Path) -> list[tuple[str, Path]]:
    """Return name and file of each connected SpaceMouse or receiver."""
    mice = []
    for folder in sorted((root / 'sys/class/hidraw').glob('hidraw*')):
        about = read_text(folder / 'device/uevent')
        found = re.search(r'^HID_ID=\w+:(\w+):(\w+)$', about, re.M)
        if not found:
            continue
        vendor, product = (int(word, 16) for word in found.groups())
        if vendor == CONNEXION or (vendor == LOGITECH and product in LOGITECH_SPACEMICE):
            name = re.search(r'^HID_NAME=(.*)$', about, re.M)
            mice.append((name[1] if name else 'SpaceMouse', root / 'dev' / folder.name))
    return mice
