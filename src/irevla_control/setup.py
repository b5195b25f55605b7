# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Build irevla_control."""

from xml.etree import ElementTree

from setuptools import find_packages, setup

NAME = 'irevla_control'

setup(
    name=NAME,
    version=ElementTree.parse('package.xml').findtext('version'),
    packages=find_packages(exclude=['test']),
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/' + NAME]),
        ('share/' + NAME, ['package.xml']),
    ],
    install_requires=[
        'av',
        'easyhid',
        'fastapi',
        'franky-control',
        'mcap',
        'nicegui',
        'numpy',
        'opencv-python-headless',
        'pyarrow',
        'pyrealsense2',
        'pyspacemouse',
        'pyyaml',
        'rosbags',
        'scipy',
        'setuptools',
        'tqdm',
        'uvicorn',
    ],
    extras_require={'test': ['hypothesis', 'pytest', 'websockets']},
    zip_safe=True,
    maintainer='The irevla Authors',
    maintainer_email='irevla@example.org',
    description='Observations, commands, episodes and recordings of a robot',
    license='Apache-2.0',
    entry_points={
        'console_scripts': [
            'recorder_node = irevla_control.recording.recorder_node:main',
            'command_mux_node = irevla_control.episodes.command_mux_node:main',
            'stop = irevla_control.ros.stop:main',
            # It starts launch files, which lie above this package.
            'acceptance = irevla_bringup.acceptance.program:main',
            'console_node = irevla_control.console.console_node:main',
            'franka_node = irevla_control.franka.franka_node:main',
            'realsense_node = irevla_control.cameras.realsense_node:main',
            'spacemouse_node = irevla_control.teleop.spacemouse_node:main',
            'replay_node = irevla_control.teleop.replay_node:main',
            'robot_episode_node = irevla_control.episodes.robot_episode_node:main',
            'episode_runner_node = irevla_control.episodes.episode_runner_node:main',
        ]
    },
)
