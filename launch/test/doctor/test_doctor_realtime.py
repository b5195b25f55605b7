# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What the arm's 1 kHz control needs of the kernel, the user's limits and the cores."""

import pytest
from system_tree import write

from irevla_bringup.doctor import realtime

# As Linux 6.1 prints them.
LIMITS = """\
Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max locked memory         {memlock:<20} {memlock:<20} bytes
Max realtime priority     {rtprio:<20} {rtprio:<20}
Max realtime timeout      unlimited            unlimited            us
"""
STATUS = 'Name:\tpython\nCapInh:\t0000000000000000\nCapEff:\t{:016x}\nCapBnd:\t000001ffffffffff\n'


def limited(root, memlock=8_388_608, rtprio=0, capabilities=0):
    return write(
        root,
        {
            'proc/self/limits': LIMITS.format(memlock=memlock, rtprio=rtprio),
            'proc/self/status': STATUS.format(capabilities),
        },
    )


def test_the_kernel_is_real_time_where_libfranka_looks(tmp_path):
    write(tmp_path, {'sys/kernel/realtime': '1\n', 'proc/sys/kernel/osrelease': '6.1.0-rt\n'})
    assert realtime.kernel(tmp_path, True) == realtime.ok('6.1.0-rt is real-time')


@pytest.mark.parametrize(
    ('version', 'words'),
    [
        ('#1 SMP PREEMPT_DYNAMIC Debian 6.1', 'not real-time'),
        ('#1 SMP PREEMPT_RT Debian 6.12', 'no /sys/kernel/realtime'),
        ('', 'not real-time'),
    ],
)
def test_another_kernel_is_a_problem_for_an_arm_only(tmp_path, version, words):
    write(tmp_path, {'proc/sys/kernel/version': version})
    found = realtime.kernel(tmp_path, True)
    assert found.status == 'problem' and words in found.found and 'linux-image-rt' in found.remedy
    without = realtime.kernel(tmp_path, False)
    assert without.status == 'warning' and 'only a real arm' in without.found


@pytest.mark.parametrize(
    ('rtprio', 'capabilities', 'status'),
    [
        (99, 0, 'ok'),
        ('unlimited', 0, 'ok'),
        (0, 0, 'problem'),
        (98, 0, 'problem'),
        (0, 1 << realtime.CAP_SYS_NICE, 'ok'),
        (0, 1 << realtime.CAP_IPC_LOCK, 'problem'),
    ],
)
def test_the_user_needs_real_time_priority_99(tmp_path, rtprio, capabilities, status):
    root = limited(tmp_path, rtprio=rtprio, capabilities=capabilities)
    found = realtime.priority(root, True)
    assert found.status == status and ('rtprio 99' in found.remedy) == (status == 'problem')


@pytest.mark.parametrize(
    ('memlock', 'capabilities', 'status'),
    [
        ('unlimited', 0, 'ok'),
        (102_400 * 1024, 0, 'ok'),
        (8_388_608, 0, 'warning'),
        (8_388_608, 1 << realtime.CAP_IPC_LOCK, 'ok'),
    ],
)
def test_the_user_may_lock_memory(tmp_path, memlock, capabilities, status):
    found = realtime.locked_memory(limited(tmp_path, memlock, 0, capabilities))
    assert found.status == status and ('memlock 102400' in found.remedy) == (status == 'warning')


@pytest.mark.parametrize(
    ('governors', 'status'),
    [
        (['performance', 'performance'], 'ok'),
        (['performance', 'powersave'], 'warning'),
        (['schedutil', 'schedutil'], 'warning'),
        ([], 'not applicable'),
    ],
)
def test_every_core_keeps_its_frequency(tmp_path, governors, status):
    for number, name in enumerate(governors):
        folder = f'sys/devices/system/cpu/cpu{number}/cpufreq'
        write(tmp_path, {f'{folder}/scaling_governor': f'{name}\n'})
    found = realtime.governor(tmp_path)
    assert found.status == status and ('cpupower' in found.remedy) == (status == 'warning')


def test_a_machine_without_these_files_gives_results(tmp_path):
    assert realtime.priority(tmp_path, True).status == 'not applicable'
    assert realtime.locked_memory(tmp_path).status == 'not applicable'
    assert realtime.kernel(tmp_path, True).status == 'problem'
