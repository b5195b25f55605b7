# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Names of the joints in `joint_states`, as in Franka's own descriptions of Panda and FR3."""

import re

from irevla_control.errors import ConfigError
from irevla_control.franka.franky_version import libfranka

# From this libfranka on a robot sends its description; before this one, robots are Pandas.
DESCRIBES, FIRST_FR3 = (0, 15), (0, 10)
_ROBOT = re.compile(r'<robot\b[^>]*\bname\s*=\s*["\']([A-Za-z]\w*)["\']')


def joint_prefix(description: str | None) -> str:
    """Return the prefix of the joints' names: that of the connected robot.

    Args:
        description: URDF that the robot sends; None if the installed libfranka cannot ask for it.
            Then the robot is one that this libfranka can connect to.

    Raises:
        ConfigError: neither says which robot it is.

    """
    found = _ROBOT.search(description or '')
    if found:
        return found[1]
    version = libfranka()
    if version is None or version >= DESCRIBES:
        raise ConfigError(
            'whether the robot is a Panda or an FR3 is unknown; give the prefix '
            'of its joints as parameter joint_prefix (panda, fr3)'
        )
    return 'panda' if version < FIRST_FR3 else 'fr3'


def joint_names(prefix: str, hand: bool) -> list[str]:
    """Return the names of the seven joints, and of the two fingers of a hand."""
    return [
        *(f'{prefix}_joint{number}' for number in range(1, 8)),
        *(f'{prefix}_finger_joint{number}' for number in (1, 2) if hand),
    ]
