# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether setup.py and package.xml declare the libraries of PyPI that a package imports."""

from collections.abc import Iterator
import importlib.metadata
from pathlib import Path
import re
from xml.etree import ElementTree

from irevla_control.checks.imports import first_uses, imported, named, sources_and_tests

# Imports for which rosdep has a key; package.xml cannot name the others.
ROSDEP_KEYS = {
    'PIL': 'python3-pil',
    'av': 'python3-av',
    'cv2': 'python3-opencv',
    'fastapi': 'python3-fastapi',
    'hypothesis': 'python3-hypothesis',
    'jinja2': 'python3-jinja2',
    'markupsafe': 'python3-markupsafe',
    'matplotlib': 'python3-matplotlib',
    'numpy': 'python3-numpy',
    'psutil': 'python3-psutil',
    'pytest': 'python3-pytest',
    'scipy': 'python3-scipy',
    'tqdm': 'python3-tqdm',
    'uvicorn': 'python3-uvicorn',
    'websockets': 'python3-websockets',
    'yaml': 'python3-yaml',
}
# Every setup.py requires it, like colcon's template for Python packages.
_BUILD = 'setuptools'


def library_problems(
    manifest: ElementTree.Element, folder: Path, ros_packages: set[str]
) -> Iterator[str]:
    """Yield the libraries that a package imports undeclared, or declares but does not import.

    Args:
        manifest: package.xml of the package.
        folder: folder of its setup.py.
        ros_packages: ROS packages, which are not libraries.

    """
    libraries = {
        name: {_normal(each) for each in distributions}
        for name, distributions in importlib.metadata.packages_distributions().items()
        if name not in ros_packages
    }
    shipped, tests = sources_and_tests(folder)
    run_time, anywhere = _required(manifest.findtext('name', ''))
    keys = {(each.text or '').strip(): each.tag for each in manifest}
    run_time_keys = {key for key, tag in keys.items() if tag in ('depend', 'exec_depend')}
    by_sources = first_uses(shipped, imported, libraries)
    by_tests = first_uses(tests, imported, libraries.keys() - by_sources)
    for uses, required, declared, place in (
        (by_sources, run_time, run_time_keys, 'install_requires'),
        (by_tests, anywhere, set(keys), "extras_require['test']"),
    ):
        for library, file in sorted(uses.items()):
            where = f'{file.relative_to(folder)} imports {library}'
            if not libraries[library] & required:
                yield f'{where}; add {" or ".join(sorted(libraries[library]))} to {place}'
            if ROSDEP_KEYS.get(library, library) not in declared | {library}:
                yield f'{where}; declare {ROSDEP_KEYS[library]} in package.xml'
    for distribution in sorted(anywhere - {_BUILD}):
        names = {name for name, of in libraries.items() if distribution in of} | {distribution}
        if not first_uses(shipped if distribution in run_time else tests, named, names):
            yield f'setup.py requires {distribution}, but nothing uses it'


def _required(package: str) -> tuple[set[str], set[str]]:
    """Return the requirements of an installed package without and with those of its tests."""
    try:
        requirements = importlib.metadata.requires(package) or []
    except importlib.metadata.PackageNotFoundError:
        requirements = []
    only_tests = {
        _normal(re.split('[^A-Za-z0-9._-]', each)[0]): 'extra ==' in each for each in requirements
    }
    return {each for each, extra in only_tests.items() if not extra}, set(only_tests)


def _normal(distribution: str) -> str:
    return re.sub(r'[-_.]+', '-', distribution).lower()
