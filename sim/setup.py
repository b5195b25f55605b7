# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Build irevla_sim."""

from xml.etree import ElementTree

from setuptools import find_packages, setup

NAME = 'irevla_sim'

setup(
    name=NAME,
    version=ElementTree.parse('package.xml').findtext('version'),
    packages=find_packages(exclude=['test']),
    package_data={NAME: ['metaworld/catalogue/*.yaml', 'kitchen/catalogue/*.yaml']},
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/' + NAME]),
        ('share/' + NAME, ['package.xml']),
    ],
    install_requires=[
        'franky-sim',
        'gymnasium',
        'gymnasium-robotics',
        'metaworld',
        'mujoco',
        'numpy',
        'pillow',
        'pyrealsense2',
        'pyyaml',
        'scipy',
        'setuptools',
    ],
    extras_require={'test': ['opencv-python-headless', 'pytest']},
    zip_safe=False,
    maintainer='The irevla Authors',
    maintainer_email='irevla@example.org',
    description='Simulated robots behind the same interface as the real one.',
    license='Apache-2.0',
    entry_points={
        'console_scripts': [
            'expert_node = irevla_sim.simulator.expert_node:main',
            'fake_realsense_node = irevla_sim.panda.devices.fake_realsense_node:main',
            'fake_spacemouse_node = irevla_sim.panda.devices.fake_spacemouse_node:main',
            'scene_node = irevla_sim.panda.scene_node:main',
            'scripted_operator_node = irevla_sim.panda.scripted_operator_node:main',
            'scripted_person_node = irevla_sim.panda.devices.scripted_person_node:main',
            'simulator_node = irevla_sim.simulator.simulator_node:main',
        ]
    },
)
