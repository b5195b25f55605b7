# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The port of the page."""

import socket

from irevla_control.errors import ConfigError

# Only this machine: the page has no password.
HOST = '127.0.0.1'
# Number of ports to try.
PORTS = 10
# First ports to try.
LOW, HIGH = 1024, 65_000


def bind(port: int) -> socket.socket:
    """Return a socket at the first free port of `PORTS`.

    Raises:
        ConfigError: none is free, or there are no such ports.

    """
    if not LOW <= port <= HIGH:
        raise ConfigError(f'port {port}: expected is a number from {LOW} to {HIGH}')
    for each in range(port, port + PORTS):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, each))
            listener.listen()
            return listener
        except OSError:
            listener.close()
    raise ConfigError(
        f'parameter port: {port} to {port + PORTS - 1} are in use at {HOST}; end the programs '
        'that use them, or give another port'
    )
