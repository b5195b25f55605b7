# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The task catalogue: Meta-World's tasks and variants of them."""

from collections.abc import Iterable
from pathlib import Path

from irevla_sim.simulator.tasks import EntryForm, Task, read_catalogue

CATALOGUE = Path(__file__).parent / 'catalogue'
# An entry without a base is the instruction of one of Meta-World's environments.
FORM = EntryForm(base='{}-v3')


def load_catalogue(extra_files: Iterable[str | Path] = ()) -> dict[str, Task]:
    """Return all shipped tasks and those of extra files, by name.

    Raises:
        ConfigError: a file that cannot be read, or an entry that does not fit.

    """
    shipped = (CATALOGUE / 'metaworld.yaml', CATALOGUE / 'variants.yaml')
    return read_catalogue((*shipped, *extra_files), FORM)
