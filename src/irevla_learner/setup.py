# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Build irevla_learner."""

from setuptools import find_packages, setup

NAME = 'irevla_learner'

setup(
    name=NAME,
    version='0.1.0',
    packages=find_packages(exclude=['test']),
    package_data={NAME: ['report/templates/*']},
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/' + NAME]),
        ('share/' + NAME, ['package.xml']),
    ],
    install_requires=['setuptools'],
    extras_require={'test': ['pytest']},
    zip_safe=True,
    maintainer='The irevla Authors',
    maintainer_email='irevla@example.org',
    description='The iRe-VLA loop around the policy',
    license='Apache-2.0',
    entry_points={'console_scripts': [
        'learner_node = irevla_learner.nodes.learner_node:main',
        'reward_node = irevla_learner.nodes.reward_node:main']},
)
