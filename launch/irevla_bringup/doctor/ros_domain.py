# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of ROS 2: its settings, and who else is in the domain."""

from collections.abc import Mapping
from pathlib import Path
import time

from irevla_bringup.doctor.result import Result, not_applicable, ok, problem, warning
from irevla_control.ros.middleware import ONLY_LOCAL, PROFILES, RANGE, unreachable_users

DISTROS = ('humble', 'jazzy')
RMW = 'rmw_fastrtps_cpp'
# Above it the ports of a domain are among those that Linux gives to other connections.
MOST_DOMAIN = 101
# Time in which running nodes are discovered [s] (config/fastdds.xml).
DISCOVERY_S = 2.0
NOT_SOURCED = 'no ROS 2 is sourced'


def settings(environment: Mapping[str, str]) -> Result:
    """Check release, middleware, domain, and how far discovery reaches."""
    distro = environment.get('ROS_DISTRO', '')
    if not distro:
        return problem(NOT_SOURCED, 'source env.sh')
    if distro not in DISTROS:
        return warning(f'ROS 2 {distro} is not tested', f'source {" or ".join(DISTROS)}, env.sh')
    domain = domain_of(environment)
    if domain is None:
        return problem(
            f'ROS_DOMAIN_ID={environment["ROS_DOMAIN_ID"]}',
            f'set it to a number from 0 to {MOST_DOMAIN}',
        )
    rmw = environment.get('RMW_IMPLEMENTATION', '')
    if rmw != RMW:
        return warning(
            f'RMW_IMPLEMENTATION={rmw} is not tested', f'export RMW_IMPLEMENTATION={RMW}'
        )
    profiles = environment.get(PROFILES, '')
    if not Path(profiles).is_file():
        return warning(
            f'{PROFILES}={profiles}: no such file; images overflow the default shared memory',
            f'unset {PROFILES}, then source env.sh',
        )
    found = f'ROS 2 {distro}, {rmw}, domain {domain}'
    if environment.get(RANGE) == 'LOCALHOST' or environment.get(ONLY_LOCAL) == '1':
        return ok(f'{found}, this machine only')
    return warning(
        f'{found}, open to the network: any node there may command the arm',
        f'unless other machines take part: export {RANGE}=LOCALHOST, and source env.sh',
    )


def neighbours(environment: Mapping[str, str], wait_s: float = DISCOVERY_S) -> Result:
    """Check that no other node or user is in the domain."""
    if not environment.get('ROS_DISTRO'):
        return not_applicable(NOT_SOURCED)
    domain = domain_of(environment)
    if domain is None:
        return not_applicable('ROS_DOMAIN_ID is no domain')
    users = ', '.join(unreachable_users(domain))
    remedy = 'end them, or give yours another ROS_DOMAIN_ID'
    if users:
        return problem(
            f'user {users} runs nodes in domain {domain}, whose messages are lost', remedy
        )
    names = node_names(domain, wait_s)
    if not names:
        return ok(f'no other node in domain {domain}')
    return warning(f'{len(names)} nodes in domain {domain}: {", ".join(names)}', remedy)


def domain_of(environment: Mapping[str, str]) -> int | None:
    """Return the number of the domain, None if it is none."""
    text = environment.get('ROS_DOMAIN_ID') or '0'
    return int(text) if text.isdigit() and int(text) <= MOST_DOMAIN else None


def node_names(domain: int, wait_s: float) -> list[str]:
    """Return the full names of the nodes in a domain that are discovered within a time [s]."""
    # Not earlier: the other checks must work without ROS.
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    context = rclpy.Context()
    rclpy.init(
        context=context,
        domain_id=domain,
        signal_handler_options=SignalHandlerOptions.NO,
        args=[],
    )
    try:
        own = rclpy.create_node('irevla_doctor', context=context, start_parameter_services=False)
        time.sleep(wait_s)
        found = own.get_node_names_and_namespaces()
        own.destroy_node()
    finally:
        context.try_shutdown()
    full = {f'{namespace.rstrip("/")}/{name}' for name, namespace in found}
    # Names with an underscore first are of tools.
    return sorted(each for each in full - {'/irevla_doctor'} if '/_' not in each)
