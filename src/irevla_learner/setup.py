# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Build irevla_learner."""

from xml.etree import ElementTree

from setuptools import find_packages, setup

NAME = 'irevla_learner'

setup(
    name=NAME,
    version=ElementTree.parse('package.xml').findtext('version'),
    packages=find_packages(exclude=['test']),
    package_data={NAME: ['report/templates/*']},
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/' + NAME]),
        ('share/' + NAME, ['package.xml']),
    ],
    install_requires=[
        'av',
        'gymnasium',
        'jinja2',
        'markupsafe',
        'matplotlib',
        'numpy',
        'opencv-python-headless',
        'pillow',
        'safetensors',
        'setuptools',
        'torch',
    ],
    extras_require={'test': ['hypothesis', 'pytest', 'pyyaml']},
    zip_safe=True,
    maintainer='The irevla Authors',
    maintainer_email='irevla@example.org',
    description='The iRe-VLA loop around the policy',
    license='Apache-2.0',
    entry_points={
        'console_scripts': [
            'learner_node = irevla_learner.nodes.learner_node:main',
            'reward_node = irevla_learner.nodes.reward_node:main',
        ]
    },
)
