# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A robot with another version of the protocol: the error names both versions and the remedy."""

import os
import socket
import struct
import threading
from types import SimpleNamespace

import franky
import pytest

from irevla_control.errors import ConfigError
from irevla_control.franka.collision import CollisionThresholds
from irevla_control.franka.franka_arm import FrankaArm, connected
from irevla_control.franka.franky_version import LEAST, NEEDED, installed, missing_features

PORT, HEADER, ANSWER = 1337, struct.Struct('<III'), struct.Struct('<BH5x')
INCOMPATIBLE, PANDA = 1, 5


@pytest.fixture
def panda():
    """The address of an old Panda, which answers libfranka's first request."""
    address = f'127.77.{os.getpid() % 250}.1'
    with socket.create_server((address, PORT)) as server:

        def answer():
            client, _ = server.accept()
            with client:
                command, number, size = HEADER.unpack(client.recv(HEADER.size))
                client.recv(size - HEADER.size)
                client.sendall(
                    HEADER.pack(command, number, HEADER.size + ANSWER.size)
                    + ANSWER.pack(INCOMPATIBLE, PANDA)
                )

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield address
        thread.join(5)


def test_another_protocol_version_is_refused_at_once_with_the_wheel_to_install(panda):
    with pytest.raises(ConfigError) as caught:
        # The minute allowed for a robot that is starting is not used up.
        connected(panda, SimpleNamespace(), CollisionThresholds(), False, 60.0)
    text = str(caught.value)
    assert panda in text
    assert f'uses version {PANDA} of the protocol' in text
    assert f'franky {installed()} uses version 10' in text
    assert f"make setup FRANKY='franky-control=={LEAST} --index-url" in text
    assert f'by-robot-server-version/{PANDA}/' in text


def test_an_old_franky_is_refused_with_the_classes_that_it_lacks(monkeypatch):
    assert missing_features(franky) == ''
    monkeypatch.delattr(franky, 'PostureTask')
    with pytest.raises(ConfigError, match=f'lacks PostureTask; version {LEAST} or newer'):
        FrankaArm('127.0.0.1', SimpleNamespace(), False)


def test_the_installed_franky_has_all_needed_classes():
    assert all(hasattr(franky, name) for name in NEEDED)
