# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Communication with nodes of other users: Fast DDS over the network, without shared memory.

Fast DDS offers shared memory to every node of the machine, but one user may not open that of
another: their nodes match, and every message between them is silently lost.
"""

import atexit
from collections.abc import Iterator, MutableMapping
import os
from pathlib import Path
import pwd
import re
import tempfile
from xml.etree import ElementTree

from irevla_control.errors import ConfigError

TRANSPORTS = 'FASTDDS_BUILTIN_TRANSPORTS'
PROFILES = 'FASTRTPS_DEFAULT_PROFILES_FILE'
RANGE, ONLY_LOCAL = 'ROS_AUTOMATIC_DISCOVERY_RANGE', 'ROS_LOCALHOST_ONLY'
SHARED = Path('/dev/shm')
# Interval between announcements [ns], within which a later process discovers this one.
ANNOUNCE_NS = 100_000_000
# Largest number of nodes discovered on this machine, as in rmw_fastrtps.
MOST_NODES = 32
# First port of Fast DDS in domain 0, and the number of ports per domain.
FIRST_PORT, DOMAIN_PORTS = 7400, 250
_SPACE = 'http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles'
_LOCAL_PEER = (
    '<initialPeersList><locator><udpv4><address>127.0.0.1</address></udpv4></locator>'
    '</initialPeersList>'
)


def leave_shared_memory(environment: MutableMapping[str, str] = os.environ) -> None:
    """Make this process communicate over the network stack only; call it before `rclpy.init`.

    With discovery limited to this machine, rmw_fastrtps adds shared memory regardless of the
    profile; therefore the limit is moved from the environment into the profile.

    Raises:
        ConfigError: the profile cannot be read, or has no transport besides shared memory.

    """
    environment[TRANSPORTS] = 'UDPv4'
    file = environment.get(PROFILES, '')
    if not file:
        return
    local = environment.get(RANGE) == 'LOCALHOST' or environment.get(ONLY_LOCAL) == '1'
    try:
        changed = _written(network_profile(Path(file).read_text(), local))
    except (OSError, UnicodeDecodeError, ElementTree.ParseError, ConfigError) as error:
        raise ConfigError(
            f'{PROFILES}={file}: {error}; give a profile such as '
            'config/fastdds.xml, or unset it and source env.sh'
        ) from error
    environment[PROFILES] = changed
    if local:
        environment[RANGE] = 'SYSTEM_DEFAULT'
        environment.pop(ONLY_LOCAL, None)


def _written(profile: str) -> str:
    """Write a profile to a temporary file, removed when this process ends; return its name."""
    handle, file = tempfile.mkstemp('.xml', 'irevla_fastdds_')
    atexit.register(os.remove, file)
    with open(handle, 'w') as output:
        output.write(profile)
    return file


def network_profile(text: str, local: bool) -> str:
    """Return a Fast DDS profile without shared memory and with fast discovery.

    Args:
        text: content of the XML file.
        local: discover nodes of this machine only.

    Raises:
        ElementTree.ParseError: the text is not XML.
        ConfigError: the profile has no transport besides shared memory.

    """
    ElementTree.register_namespace('', _SPACE)
    root, tag = ElementTree.fromstring(text), f'{{{_SPACE}}}'.__add__
    for element in root.iter():
        # Fast DDS accepts any namespace, and none.
        element.tag = tag(element.tag.rpartition('}')[2])
    shared = set()
    for transport in root.iter(tag('transport_descriptor')):
        if transport.findtext(tag('type'), '').strip() == 'SHM':
            shared.add(transport.findtext(tag('transport_id'), '').strip())
        elif local and transport.find(tag('maxInitialPeersRange')) is None:
            transport.insert(
                2, _element(f'<maxInitialPeersRange>{MOST_NODES}</maxInitialPeersRange>')
            )
    for transports in root.iter(tag('userTransports')):
        for transport in list(transports):
            if (transport.text or '').strip() in shared:
                transports.remove(transport)
        if not len(transports):
            raise ConfigError(
                'userTransports names shared memory only, which no other user of '
                'this machine can open; add a transport of type UDPv4'
            )
    for builtin in root.iter(tag('builtinTransports')):
        if not (builtin.text or '').strip().startswith('UDP'):
            builtin.text = 'UDPv4'
    for builtin in root.iter(tag('builtin')):
        for discovery in builtin.iter(tag('discovery_config')):
            for period in discovery.iter(tag('period')):
                period[:] = [_element(f'<nanosec>{ANNOUNCE_NS}</nanosec>')]
            discovery.insert(
                0,
                _element(
                    f'<leaseAnnouncement><nanosec>{ANNOUNCE_NS}</nanosec></leaseAnnouncement>'
                ),
            )
        if local and builtin.find(tag('initialPeersList')) is None:
            builtin.append(_element(_LOCAL_PEER))
    return ElementTree.tostring(root, 'unicode')


def _element(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text.replace('>', f' xmlns="{_SPACE}">', 1))


def unreachable_users(domain: int, shared: Path = SHARED) -> Iterator[str]:
    """Yield the users whose nodes in a domain cannot exchange shared memory with this process."""
    if os.environ.get(TRANSPORTS) == 'UDPv4':
        return
    first = FIRST_PORT + DOMAIN_PORTS * domain
    owners = set()
    for file in shared.glob('fastrtps_port*'):
        port = re.fullmatch(r'fastrtps_port(\d+)', file.name)
        if not port or not first <= int(port[1]) < first + DOMAIN_PORTS:
            continue
        try:
            owners.add(file.stat().st_uid)
        except OSError:
            # The node ended in the meantime.
            continue
    for owner in sorted(owners - {os.geteuid()}):
        try:
            yield pwd.getpwuid(owner).pw_name
        except KeyError:
            yield str(owner)
