# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the example files that a page of the documentation shows, for the tests that run them."""

from pathlib import Path
import re

GUIDE = Path('docs/guide.md')
HEADING = '## A simulator of your own'


def write_toy_simulator(root: Path, folder: Path) -> None:
    """Write the guide's simulator, module `toy` and its catalogue, into a folder.

    Args:
        root: root of the clone.
        folder: existing folder, to be on PYTHONPATH.

    """
    _, _, section = (root / GUIDE).read_text().partition(f'{HEADING}\n')
    section = section.partition('\n## ')[0]
    for language, name in (('python', 'toy.py'), ('yaml', 'toy.yaml')):
        (block,) = re.findall(rf'^```{language}\n(.*?)^```$', section, re.M | re.S)
        (folder / name).write_text(block)
