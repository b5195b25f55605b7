# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Installed packages, made for a test of the checks, and changes of their files."""


def install_info(folder, name, **files):
    """Write what `pip install` leaves of a package, and its further files by name; no suffix."""
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
