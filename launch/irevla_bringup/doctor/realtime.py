# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of what the arm's 1 kHz control needs: kernel, limits of the user, clock of the cores."""

from collections import Counter
from pathlib import Path
import re

from irevla_bringup.doctor.result import (
    Result,
    for_arm,
    not_applicable,
    ok,
    read_text,
    warning,
)

# The priority that libfranka takes, and the locked memory that Franka recommends [bytes].
RTPRIO, MEMLOCK_BYTES = 99, 102_400 * 1024
# Numbers of the capabilities that make the limits ineffective.
CAP_IPC_LOCK, CAP_SYS_NICE = 14, 23
LIMITS = '/etc/security/limits.d/franka.conf'


def kernel(root: Path, with_robot: bool) -> Result:
    """Check that the kernel is PREEMPT_RT, in the way of libfranka."""
    release = read_text(root / 'proc/sys/kernel/osrelease')
    if read_text(root / 'sys/kernel/realtime') == '1':
        return ok(f'{release} is real-time')
    if 'PREEMPT_RT' in read_text(root / 'proc/sys/kernel/version'):
        return for_arm(
            with_robot,
            f'{release} is PREEMPT_RT, but has no /sys/kernel/realtime, where libfranka looks',
            "boot a kernel with it, such as Debian's linux-image-rt-amd64 or Ubuntu's real-time",
        )
    return for_arm(
        with_robot,
        f'{release} is not real-time',
        "install and boot Debian's linux-image-rt-amd64, or `pro enable realtime-kernel` (Ubuntu)",
    )


def priority(root: Path, with_robot: bool) -> Result:
    """Check that this user may run threads at real-time priority 99."""
    if has_capability(root, CAP_SYS_NICE):
        return ok('this process may set any priority')
    most = limit(root, 'realtime priority')
    if most is None:
        return not_applicable('/proc/self/limits cannot be read')
    if most >= RTPRIO:
        return ok(f'up to {most:g}')
    return for_arm(
        with_robot,
        f'up to {most:g}; {RTPRIO} is needed',
        f'add "YOUR_USER - rtprio {RTPRIO}" to {LIMITS}, then log in again',
    )


def locked_memory(root: Path) -> Result:
    """Check that this user may lock as much memory as Franka recommends."""
    if has_capability(root, CAP_IPC_LOCK):
        return ok('this process may lock all memory')
    most = limit(root, 'locked memory')
    if most is None:
        return not_applicable('/proc/self/limits cannot be read')
    if most >= MEMLOCK_BYTES:
        return ok('no limit' if most == float('inf') else f'up to {most / 2**20:.0f} MiB')
    return warning(
        f'up to {most / 2**20:.0f} MiB; Franka recommends {MEMLOCK_BYTES / 2**20:.0f}',
        f'add "YOUR_USER - memlock {MEMLOCK_BYTES // 1024}" to {LIMITS}, then log in again',
    )


def governor(root: Path) -> Result:
    """Check that no core changes its clock frequency with its load."""
    files = (root / 'sys/devices/system/cpu').glob('cpu[0-9]*/cpufreq/scaling_governor')
    found = Counter(filter(None, map(read_text, files)))
    if not found:
        return not_applicable('this machine does not control the frequency of its cores')
    listed = ', '.join(f'{count} cores {name}' for name, count in sorted(found.items()))
    if set(found) == {'performance'}:
        return ok(listed)
    return warning(
        f'{listed}: a core that slept is late',
        'sudo cpupower frequency-set --governor performance (package linux-cpupower)',
    )


def limit(root: Path, name: str) -> float | None:
    """Return this process's soft limit by its name in /proc/self/limits; None if not listed."""
    text = read_text(root / 'proc/self/limits')
    found = re.search(rf'^Max {name}\s+(\d+|unlimited)', text, re.M)
    return float(found[1].replace('unlimited', 'inf')) if found else None


def has_capability(root: Path, number: int) -> bool:
    """Return whether this process has a capability of Linux, by its number."""
    found = re.search(r'^CapEff:\s*([0-9a-f]+)', read_text(root / 'proc/self/status'), re.M)
    return found is not None and bool(int(found[1], 16) >> number & 1)
