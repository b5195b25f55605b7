# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Sample packages for the tests of the checks, and changes of their files."""


def install_info(folder, name, **files):
    """Write a package's metadata as `pip install` does, with further files (stem to text)."""
    egg = folder / f'{name}.egg-info'
    egg.mkdir()
    (egg / 'PKG-INFO').write_text(
        f'Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\nLicense: Apache-2.0\n'
    )
    for stem, text in files.items():
        (egg / f'{stem}.txt').write_text(text)


def replace(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
