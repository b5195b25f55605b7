# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The status of a node: each problem is logged once, and none hides another."""

import pytest
import rclpy

from irevla_control.ros import diagnostics as module
from irevla_control.ros.diagnostics import Diagnostics


@pytest.fixture
def diagnostics(ros, monkeypatch):
    node = rclpy.create_node('status')
    diagnostics = Diagnostics(node)
    monkeypatch.setattr(module, 'unreachable_users', lambda domain: [])
    yield diagnostics
    node.destroy_node()


@pytest.fixture
def status(diagnostics, monkeypatch):
    """Return the message of the status that is published now."""
    published = []
    monkeypatch.setattr(diagnostics._publisher, 'publish', published.append)

    def status():
        diagnostics.publish()
        return published[-1].status[0].message

    return status


def test_a_warning_is_logged_once_while_only_its_numbers_change(diagnostics, status, capfd):
    for rate_hz in (15.0, 15.2, 14.8):
        diagnostics.warn(f'camera cam1: it gives {rate_hz} images per second, 30 are requested')
    assert status().startswith('camera cam1: it gives 14.8'), 'the newest is published'
    assert capfd.readouterr().err.count('it gives') == 1
    diagnostics.warn('camera cam2: it gives 14.8 images per second, 30 are requested')
    assert capfd.readouterr().err.count('it gives') == 1, 'another camera is another warning'
    diagnostics.warn('')
    diagnostics.warn('camera cam2: it gives 14.7 images per second, 30 are requested')
    assert capfd.readouterr().err.count('it gives') == 1, 'there was no warning in between'


def test_other_users_are_reported_beside_a_refusal_and_logged_once(
    diagnostics, status, monkeypatch, capfd
):
    monkeypatch.setattr(module, 'unreachable_users', lambda domain: ['anna'])
    diagnostics.refuse('a message is too old')
    message = status()
    assert message.startswith('a message is too old; user anna runs nodes in this domain')
    assert status().startswith('user anna')
    assert capfd.readouterr().err.count('user anna') == 1
    monkeypatch.setattr(module, 'unreachable_users', lambda domain: [])
    assert status() == 'ok'
