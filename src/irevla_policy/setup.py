# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Build irevla_policy."""

from setuptools import find_packages, setup

NAME = 'irevla_policy'

setup(
    name=NAME,
    version='0.1.0',
    packages=find_packages(exclude=['test']),
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/' + NAME]),
        ('share/' + NAME, ['package.xml']),
    ],
    install_requires=['setuptools'],
    extras_require={'test': ['pytest']},
    zip_safe=True,
    maintainer='The irevla Authors',
    maintainer_email='irevla@example.org',
    description='The vision-language-action model',
    license='Apache-2.0',
    entry_points={'console_scripts': [
        'vla_node = irevla_policy.nodes.vla_node:main',
    ]},
)
