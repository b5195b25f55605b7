# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The network to the robot: name, route, the port of the FCI, and the round trip."""

from contextlib import contextmanager
import socket
import threading

import pytest
from system_tree import write

from irevla_bringup.doctor import network

HERE = '127.0.0.1'
ROBOT = '172.16.0.2'
ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
{}
"""
# 172.16.0.0/24 and all of 172.0.0.0/8, without and with the gateway 172.16.0.9.
DIRECT = 'eth1\t000010AC\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0'
ROUTED = 'eth1\t000000AC\t090010AC\t0003\t0\t0\t100\t000000FF\t0\t0\t0'
WIRELESS = 'wlan0\t000010AC\t00000000\t0001\t0\t0\t600\t00FFFFFF\t0\t0\t0'
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 010010AC:9C40 020010AC:0539 {} 00000000:00000000 00:00000000 00000000  1000        0 1 1 0
"""


@contextmanager
def server(backlog=16):
    """Yield the port of a server at this address, and a list of the connections it accepted."""
    accepted = []
    with socket.create_server((HERE, 0), backlog=backlog) as listening:
        listening.settimeout(30)

        def accept():
            try:
                while True:
                    accepted.append(listening.accept()[0])
            except OSError:
                return

        thread = threading.Thread(target=accept)
        thread.start()
        yield listening.getsockname()[1], accepted
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()
    for each in accepted:
        each.close()


@pytest.fixture
def silent_port():
    """Yield a port that does not answer: its queue of connections is full."""
    with socket.create_server((HERE, 0), backlog=0) as listening:
        waiting = []
        for _ in range(3):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(listening.getsockname())
            waiting.append(client)
        yield listening.getsockname()[1]
        for client in waiting:
            client.close()


@pytest.fixture
def closed_port():
    with socket.create_server((HERE, 0)) as listening:
        port = listening.getsockname()[1]
    return port


def test_a_name_resolves():
    assert network.name('localhost') == network.ok('localhost is 127.0.0.1')


@pytest.mark.parametrize('host', ['panda.invalid', '', 'x' * 70, '.'])
def test_a_name_without_an_address_is_a_problem_and_nothing_else_is_checked(host, tmp_path):
    found = network.name(host)
    assert found.status == ('problem' if host else 'not applicable')
    for other in (
        network.interface(tmp_path, host),
        network.control_interface(tmp_path, host),
        network.round_trip(host),
    ):
        assert other.status == 'not applicable'


def test_the_fci_answers_and_is_asked_once(tmp_path):
    with server() as (port, accepted):
        assert network.control_interface(tmp_path, HERE, port).status == 'ok'
        assert network.round_trip(HERE, port, 1).found
    assert len(accepted) == 2, 'one of each check'


def test_the_fci_that_this_machine_uses_is_left_alone(tmp_path):
    write(tmp_path, {'proc/net/tcp': TCP.format('01')})
    found = network.control_interface(tmp_path, ROBOT)
    assert found == network.ok(f'this machine is connected to {ROBOT}:1337')
    write(tmp_path, {'proc/net/tcp': TCP.format('06')})
    assert not network.connected(tmp_path, ROBOT, 1337), 'a closed connection'


def test_a_robot_whose_fci_is_off_refuses(tmp_path, closed_port):
    found = network.control_interface(tmp_path, HERE, closed_port)
    assert (found.status, found.remedy) == ('problem', 'activate FCI in Desk')


def test_a_robot_that_is_off_does_not_answer(tmp_path, silent_port, monkeypatch):
    monkeypatch.setattr(network, 'TIMEOUT_S', 0.05)
    found = network.control_interface(tmp_path, HERE, silent_port)
    assert found.status == 'problem' and 'does not answer' in found.found
    found = network.round_trip(HERE, silent_port)
    assert (found.status, found.found) == ('problem', 'no answer')


def test_refusals_and_connections_are_round_trips(closed_port):
    with server() as (port, _):
        for each in (port, closed_port):
            times, lost = network.measured(HERE, each, 20)
            assert len(times) == 20 and not lost and all(0 < time < 1 for time in times)


@pytest.mark.parametrize(
    ('times', 'lost', 'status', 'words'),
    [
        ([0.0002] * 249 + [0.03], 0, 'ok', '30.00 ms longest'),
        ([0.0002] * 247 + [0.03] * 3, 0, 'problem', '30.00 ms p99'),
        ([0.0011] * 250, 0, 'problem', '1.10 ms median'),
        ([0.0002] * 249, 1, 'problem', '1 of 250 lost'),
        ([], 3, 'problem', 'no answer'),
    ],
)
def test_round_trips_are_within_a_cycle_of_the_fci(times, lost, status, words):
    found = network.judged(times, lost)
    assert found.status == status and words in found.found
    assert bool(found.remedy) == (status == 'problem')


@pytest.mark.parametrize(
    ('route', 'speed', 'status', 'words'),
    [
        (DIRECT, '1000', 'ok', 'eth1, same network, 1000 Mbit/s'),
        (DIRECT, '-1', 'ok', 'eth1, same network'),
        (f'{ROUTED}\n{DIRECT}', '1000', 'ok', 'same network'),
        (DIRECT, '10', 'problem', '10 Mbit/s'),
        (ROUTED, '1000', 'problem', 'behind 172.16.0.9'),
        (WIRELESS, '', 'problem', 'wlan0 is wireless'),
        ('', '', 'problem', 'wlan0 is wireless'),
    ],
)
def test_the_robot_is_on_a_cable_in_the_same_network(tmp_path, route, speed, status, words):
    write(tmp_path, {'proc/net/route': ROUTES.format(route), 'sys/class/net/eth1/speed': speed})
    (tmp_path / 'sys/class/net/wlan0/phy80211').mkdir(parents=True)
    found = network.interface(tmp_path, ROBOT)
    assert found.status == status and words in found.found


def test_no_route_is_a_problem_and_a_simulated_robot_needs_none(tmp_path):
    assert network.interface(tmp_path, ROBOT).status == 'problem'
    assert network.interface(tmp_path, '127.9.0.1').status == 'not applicable'
