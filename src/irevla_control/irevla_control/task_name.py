# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The rule for names of tasks: each must be usable in the name of a recording's folder."""

import re

from irevla_control.errors import ConfigError

FOLDER_NAME = re.compile(r'[A-Za-z0-9_][A-Za-z0-9._-]*')
# Longest name: seed and time follow it in the folder's name, which may have 255 bytes.
LONGEST = 100


def check_task_name(name: str, where: str) -> str:
    """Return a task's name after a check; ``where`` is the start of the error text.

    Raises:
        ConfigError: the name cannot name a recording; the text offers the nearest valid name.

    """
    if FOLDER_NAME.fullmatch(name) and len(name) <= LONGEST:
        return name
    near = re.sub(r'[^A-Za-z0-9._-]+', '-', name).strip('-.')[:LONGEST] or 'pick-carrot'
    raise ConfigError(
        f'{where}: task name {name!r} cannot name a recording; use at most '
        f'{LONGEST} letters, digits, points, dashes and underscores, such as '
        f'{near!r}'
    )
