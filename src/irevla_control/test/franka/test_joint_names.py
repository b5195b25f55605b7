# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Joints have the names of the connected robot, as robot models of other robots differ."""

import importlib.metadata
from pathlib import PurePosixPath

import pytest

from irevla_control.errors import ConfigError
from irevla_control.franka.franky_version import libfranka
from irevla_control.franka.joint_names import joint_names, joint_prefix


def install(monkeypatch, version, *files):
    """Simulate another installed wheel of franky."""
    monkeypatch.setattr(importlib.metadata, 'version', lambda _: version)
    monkeypatch.setattr(
        importlib.metadata, 'files', lambda _: [PurePosixPath(file) for file in files] or None
    )


def test_joint_prefix_is_the_name_in_the_robots_description():
    assert joint_prefix('<robot name="fr3">\n  <joint name="joint1"/></robot>') == 'fr3'
    assert joint_prefix("<?xml version='1.0'?>\n<robot version='1' name='fr3v2'>") == 'fr3v2'


# Wheels for server versions 5 (Panda) and 6 to 8 (FR3), whose libfranka requests no description.
@pytest.mark.parametrize(
    'version, robot', [('0.9.2', 'panda'), ('0.12.1', 'fr3'), ('0.13.3', 'fr3'), ('0.14.2', 'fr3')]
)
@pytest.mark.parametrize('found_in', ['file', 'version'])
def test_joint_prefix_without_a_description_follows_from_libfranka(
    monkeypatch, version, robot, found_in
):
    if found_in == 'file':
        install(
            monkeypatch,
            '2.0.0',
            'franky/__init__.py',
            f'franky_control.libs/libfranka-b351eea7.so.{version}',
        )
    else:
        install(monkeypatch, f'2.0.0+libfranka.{version}')
    assert joint_prefix(None) == robot


def test_unknown_robot_is_refused(monkeypatch):
    for description, version in (
        (None, '2.0.0'),
        ('', '2.0.0+libfranka.0.21.2'),
        ('<robot>', '2.0.0+libfranka.0.21.2'),
    ):
        install(monkeypatch, version)
        with pytest.raises(ConfigError, match='parameter joint_prefix'):
            joint_prefix(description)


def test_installed_franky_states_its_libfranka():
    assert libfranka() >= (0, 15)


def test_joint_names_with_and_without_a_hand_are_those_of_a_description():
    arm = [f'panda_joint{number}' for number in range(1, 8)]
    assert joint_names('panda', False) == arm
    assert joint_names('panda', True) == [*arm, 'panda_finger_joint1', 'panda_finger_joint2']
