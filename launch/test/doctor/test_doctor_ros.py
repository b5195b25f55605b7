# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of ROS 2, and who else is in the domain."""

import os

import pytest
import rclpy

from irevla_bringup.doctor import ros_domain


@pytest.fixture
def sourced(tmp_path):
    profile = tmp_path / 'fastdds.xml'
    profile.write_text('<profiles/>')
    return {
        'ROS_DISTRO': 'jazzy',
        'ROS_DOMAIN_ID': '7',
        'RMW_IMPLEMENTATION': 'rmw_fastrtps_cpp',
        'FASTRTPS_DEFAULT_PROFILES_FILE': str(profile),
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
    }


def test_a_sourced_shell_is_well(sourced):
    found = ros_domain.settings(sourced)
    assert found.status == 'ok' and 'domain 7, this machine only' in found.found
    del sourced['ROS_DOMAIN_ID']
    del sourced['ROS_AUTOMATIC_DISCOVERY_RANGE']
    found = ros_domain.settings(sourced | {'ROS_LOCALHOST_ONLY': '1', 'ROS_DISTRO': 'humble'})
    assert found.status == 'ok' and 'domain 0' in found.found


@pytest.mark.parametrize(
    ('name', 'value', 'status', 'remedy'),
    [
        ('ROS_DISTRO', '', 'problem', 'source env.sh'),
        ('ROS_DISTRO', 'rolling', 'warning', 'source humble or jazzy'),
        ('ROS_DOMAIN_ID', '102', 'problem', '0 to 101'),
        ('ROS_DOMAIN_ID', 'mine', 'problem', '0 to 101'),
        ('RMW_IMPLEMENTATION', 'rmw_cyclonedds_cpp', 'warning', 'rmw_fastrtps_cpp'),
        ('FASTRTPS_DEFAULT_PROFILES_FILE', '/none', 'warning', 'source env.sh'),
        ('FASTRTPS_DEFAULT_PROFILES_FILE', '', 'warning', 'source env.sh'),
        ('ROS_AUTOMATIC_DISCOVERY_RANGE', 'SUBNET', 'warning', 'LOCALHOST'),
    ],
)
def test_each_wrong_setting_is_named_with_its_remedy(sourced, name, value, status, remedy):
    found = ros_domain.settings(sourced | {name: value})
    assert found.status == status and remedy in found.remedy


@pytest.mark.parametrize('other', [{'ROS_DISTRO': ''}, {'ROS_DOMAIN_ID': 'mine'}])
def test_without_a_domain_no_neighbours_are_searched(sourced, other):
    assert ros_domain.neighbours(sourced | other).status == 'not applicable'


def test_nodes_in_the_domain_are_named_and_an_empty_domain_is_well():
    found = ros_domain.neighbours(os.environ, 0.3)
    assert found.status == 'ok', found
    context = rclpy.Context()
    rclpy.init(context=context, args=[])
    try:
        node = rclpy.create_node('franka', namespace='lab', context=context)
        found = ros_domain.neighbours(os.environ)
        node.destroy_node()
    finally:
        context.try_shutdown()
    assert (found.status, found.found.split(': ')[1]) == ('warning', '/lab/franka')
    assert 'ROS_DOMAIN_ID' in found.remedy


def test_nodes_of_another_user_are_a_problem(monkeypatch):
    monkeypatch.setattr(ros_domain, 'unreachable_users', lambda domain: iter(['anna']))
    found = ros_domain.neighbours(os.environ)
    assert found.status == 'problem' and 'anna' in found.found
