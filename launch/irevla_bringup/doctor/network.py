# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of the network to the robot: its name, the FCI's port, the route and the round trip."""

from collections.abc import Sequence
import errno
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
import socket
import time

from irevla_bringup.doctor.result import Result, not_applicable, ok, problem, read_text

# Port of the Franka Control Interface, and of Desk, the robot's web interface.
FCI_PORT, DESK_PORT = 1337, 443
# Longest wait for an answer, and interval between connections [s].
TIMEOUT_S, INTERVAL_S = 1.0, 0.004
# Number of round trips, and longest round trip of 99 % of them [s]: the FCI's cycle.
ROUND_TRIPS, P99_S = 250, 1e-3
# The FCI needs an interface of 100 Mbit/s or more.
LEAST_MBIT = 100
NO_ROBOT = 'give --robot HOST'
ESTABLISHED = '01'


def name(host: str) -> Result:
    """Check that the robot's name or address has an IPv4 address."""
    if not host:
        return not_applicable(NO_ROBOT)
    try:
        return ok(f'{host} is {address(host)}')
    except OSError as error:
        return problem(
            f'{host} has no address: {error.strerror}',
            'give its IPv4 address, shown in Desk; or add the name to /etc/hosts',
        )


def control_interface(root: Path, host: str, port: int = FCI_PORT) -> Result:
    """Check with one connection that the FCI answers; none if this machine is connected."""
    there = _address_or_none(host)
    if there is None:
        return not_applicable('no address' if host else NO_ROBOT)
    if connected(root, there, port):
        return ok(f'this machine is connected to {there}:{port}')
    try:
        socket.create_connection((there, port), TIMEOUT_S).close()
    except ConnectionRefusedError:
        return problem(f'{there} refuses port {port}', 'activate FCI in Desk')
    except OSError as error:
        return problem(
            f'{there}:{port} does not answer: {error.strerror or "timed out"}',
            "connect the control cabinet's Ethernet port (not the arm's), with a static address "
            "in the robot's network",
        )
    return ok(f'{there}:{port} answers')


def round_trip(host: str, port: int = DESK_PORT, count: int = ROUND_TRIPS) -> Result:
    """Measure round trips by connecting to Desk, which does not disturb a motion."""
    there = _address_or_none(host)
    if there is None:
        return not_applicable('no address' if host else NO_ROBOT)
    return judged(*measured(there, port, count))


def judged(times_s: Sequence[float], lost: int) -> Result:
    """Judge the times of round trips [s], and the number of those without an answer."""
    if not times_s:
        return problem('no answer', 'check the cable and the addresses of both ends')
    ordered = sorted(times_s)
    p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    found = (
        f'{1e3 * ordered[len(ordered) // 2]:.2f} ms median, {1e3 * p99:.2f} ms p99, '
        f'{1e3 * ordered[-1]:.2f} ms longest, {lost} of {lost + len(ordered)} lost'
    )
    if lost or p99 > P99_S:
        return problem(
            f'{found}; p99 must be under {1e3 * P99_S:g} ms and none lost',
            'one cable without switch to the control cabinet; no power saving of the interface; '
            'nothing else that loads this machine',
        )
    return ok(found)


def measured(there: str, port: int, count: int) -> tuple[list[float], int]:
    """Return the times of round trips [s] and the number of lost ones; the third ends it."""
    times: list[float] = []
    lost = 0
    while len(times) + lost < count and lost < 3:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.settimeout(TIMEOUT_S)
            began = time.perf_counter()
            code = client.connect_ex((there, port))
            took = time.perf_counter() - began
        # A refusal is an answer too.
        if code in (0, errno.ECONNREFUSED):
            times.append(took)
        else:
            lost += 1
        time.sleep(INTERVAL_S)
    return times, lost


def interface(root: Path, host: str) -> Result:
    """Check that the robot is in the network of a cable, not behind a router or wireless."""
    there = _address_or_none(host)
    if there is None:
        return not_applicable('no address' if host else NO_ROBOT)
    if IPv4Address(there).is_loopback:
        return not_applicable(f'{there} is this machine, a simulated robot')
    route = routed(root, there)
    if route is None:
        return problem(
            f'no interface reaches {there}',
            "give an Ethernet port a static address in the robot's network",
        )
    device, gateway = route
    folder = root / 'sys/class/net' / device
    if (folder / 'wireless').exists() or (folder / 'phy80211').exists():
        return problem(f'{device} is wireless', 'connect the robot by a cable')
    if gateway != '0.0.0.0':
        return problem(
            f'{there} is behind {gateway}, in another network than {device}',
            "give an Ethernet port a static address in the robot's network",
        )
    speed = read_text(folder / 'speed')
    if speed.isdigit() and int(speed) < LEAST_MBIT:
        return problem(
            f'{device} has {speed} Mbit/s; {LEAST_MBIT} are needed', 'replace cable or adapter'
        )
    known = f', {speed} Mbit/s' if speed.isdigit() else ''
    return ok(f'{device}, same network{known}')


def routed(root: Path, there: str) -> tuple[str, str] | None:
    """Return interface and gateway of the route to an IPv4 address, None without a route."""
    best: tuple[int, str, str] | None = None
    for line in read_text(root / 'proc/net/route').splitlines()[1:]:
        device, destination, gateway, *_, mask = line.split()[:8]
        network = IPv4Network((_from_hex(destination), _from_hex(mask)), strict=False)
        if IPv4Address(there) in network and (best is None or network.prefixlen > best[0]):
            best = network.prefixlen, device, _from_hex(gateway)
    return best and best[1:]


def connected(root: Path, there: str, port: int) -> bool:
    """Return whether a process of this machine is connected to a port of an address."""
    for line in read_text(root / 'proc/net/tcp').splitlines()[1:]:
        _, _, remote, state, *_ = line.split()
        peer, _, number = remote.partition(':')
        if state == ESTABLISHED and (_from_hex(peer), int(number, 16)) == (there, port):
            return True
    return False


def address(host: str) -> str:
    """Return the IPv4 address of a host; OSError if there is none."""
    try:
        return socket.gethostbyname(host)
    except UnicodeError as error:
        raise OSError(errno.EINVAL, 'not a name of a host') from error


def _address_or_none(host: str) -> str | None:
    try:
        return address(host) if host else None
    except OSError:
        return None


def _from_hex(word: str) -> str:
    """Return the IPv4 address in a table of /proc/net, whose bytes are in reverse order."""
    return socket.inet_ntoa(bytes.fromhex(word)[::-1])
