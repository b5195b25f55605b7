# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The franka node logs its limits before the arm can move."""

from dataclasses import fields
import os
import subprocess
import sys

from irevla_control.arm.joint_limits import JointLimits
from irevla_control.arm.limits import ArmLimits
from irevla_control.checks.own_domain import use_own_domain
from irevla_control.franka.franka_node import PARAMETERS, limits_text


def test_each_limit_is_logged_with_its_unit():
    text = limits_text({name: parameter.default for name, parameter in PARAMETERS.items()})
    # home_rotation comes from home_quaternion and is no limit.
    names = {field.name for kind in (ArmLimits, JointLimits) for field in fields(kind)}
    for name in names - {'home_rotation'}:
        parameter = PARAMETERS[name]
        assert parameter.unit and f'{name} {parameter.default} {parameter.unit}' in text


def test_the_limits_are_logged_before_the_connection_to_the_robot():
    done = subprocess.run(
        [
            sys.executable,
            '-m',
            'irevla_control.franka.franka_node',
            '--ros-args',
            '-p',
            'robot_ip:=127.254.254.254',
            '-p',
            'connect_timeout_s:=0',
            '-p',
            'max_speed:=1',
            '-p',
            'box_low:=[0.4, -0.2, 0.05]',
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, 'ROS_DOMAIN_ID': use_own_domain()},
    )
    assert done.returncode == 1
    assert 'limits: box_low [0.4, -0.2, 0.05] m, ' in done.stdout + done.stderr
    assert ', max_speed 1.0 m/s, ' in done.stdout + done.stderr
    assert 'Traceback' not in done.stderr
