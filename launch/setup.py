# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Build irevla_bringup."""

from glob import glob
import os
from xml.etree import ElementTree

from setuptools import find_packages, setup

NAME = 'irevla_bringup'
# colcon runs this file from a folder of its own with --symlink-install; paths stay relative to it.
CONFIG = os.path.join('..', 'config')


def config_files() -> list:
    """Return (install folder, files) of every folder under config/."""
    # colcon's folder keeps a dangling link of a file that was removed from config/ or renamed.
    return [
        (
            os.path.join('share', NAME, 'config', os.path.relpath(folder, CONFIG)),
            [
                path
                for name in names
                if name.endswith(('.yaml', '.xml'))
                and os.path.isfile(path := os.path.join(folder, name))
            ],
        )
        for folder, _, names in os.walk(CONFIG)
    ]


def policy_files() -> list:
    """Return (install folder, files) of every folder of the shipped policies."""
    return [
        (os.path.join('share', NAME, folder), [os.path.join(folder, name) for name in names])
        for policy in ('policy', 'policy_panda')
        for folder, _, names in os.walk(policy)
    ]


setup(
    name=NAME,
    version=ElementTree.parse('package.xml').findtext('version'),
    packages=find_packages(exclude=['test']),
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/' + NAME]),
        ('share/' + NAME, ['package.xml']),
        ('share/' + NAME + '/launch', glob('*.launch.py')),
        *config_files(),
        *policy_files(),
    ],
    install_requires=[
        'av',
        'numpy',
        'opencv-python-headless',
        'pillow',
        'psutil',
        'pyyaml',
        'setuptools',
    ],
    extras_require={'test': ['pytest', 'safetensors', 'torch']},
    zip_safe=True,
    maintainer='The irevla Authors',
    maintainer_email='irevla@example.org',
    description='Launch files, configuration and the demonstration of the suite',
    license='Apache-2.0',
    entry_points={'console_scripts': ['irevla = irevla_bringup.cli.program:main']},
)
