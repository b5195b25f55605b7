# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Build irevla_policy."""

from xml.etree import ElementTree

from setuptools import find_packages, setup

NAME = 'irevla_policy'

setup(
    name=NAME,
    version=ElementTree.parse('package.xml').findtext('version'),
    packages=find_packages(exclude=['test']),
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/' + NAME]),
        ('share/' + NAME, ['package.xml']),
    ],
    install_requires=[
        'accelerate',
        'matplotlib',
        'numpy',
        'peft',
        'pillow',
        'pyyaml',
        'safetensors',
        'setuptools',
        'tokenizers',
        'torch',
        'transformers',
    ],
    extras_require={'test': ['hypothesis', 'opencv-python-headless', 'pyarrow', 'pytest']},
    zip_safe=True,
    maintainer='The irevla Authors',
    maintainer_email='irevla@example.org',
    description='The vision-language-action model',
    license='Apache-2.0',
    entry_points={
        'console_scripts': [
            'vla_node = irevla_policy.nodes.vla_node:main',
        ]
    },
)
