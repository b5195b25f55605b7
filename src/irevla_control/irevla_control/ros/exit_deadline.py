# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""End a process whose clean-up hangs in C code that holds Python's lock."""

from collections.abc import Iterator
from contextlib import contextmanager
import ctypes
from typing import Any

CLOCK_MONOTONIC, SIGEV_THREAD = 1, 2
# Time to print the reason before the end [ns].
PRINT_NS = 100_000_000


class _Event(ctypes.Structure):
    """The C library's `sigevent`: the function that a thread calls when a timer ends."""

    _fields_ = [
        ('value', ctypes.c_void_p),
        ('number', ctypes.c_int),
        ('notify', ctypes.c_int),
        ('function', ctypes.c_void_p),
        ('rest', ctypes.c_char * 40),
    ]


class _Times(ctypes.Structure):
    """The C library's `itimerspec`."""

    _fields_ = [(name, ctypes.c_long) for name in ('period_s', 'period_ns', 'value_s', 'value_ns')]


@contextmanager
def exit_after(seconds: int, status: int, reason: str) -> Iterator[None]:
    """If the block takes longer than ``seconds``, print the reason and end the process.

    No thread of Python could do so: timers of the C library need no lock of Python.
    """
    library = ctypes.CDLL(None, use_errno=True)
    text = ctypes.create_string_buffer(reason.replace('%', '%%').encode())
    # `warnx` of the C library prints a line to standard error.
    timers = [
        _timer(library, library.warnx, ctypes.addressof(text), seconds, 0),
        _timer(library, library['_exit'], status, seconds, PRINT_NS),
    ]
    try:
        yield
    finally:
        for timer in timers:
            library.timer_delete(timer)


def _timer(library: Any, function: Any, value: int, seconds: int, nanoseconds: int) -> Any:
    event = _Event(
        value=value, notify=SIGEV_THREAD, function=ctypes.cast(function, ctypes.c_void_p)
    )
    timer = ctypes.c_void_p()
    if library.timer_create(CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer)):
        raise OSError(ctypes.get_errno(), 'the C library makes no timer')
    times = _Times(value_s=seconds, value_ns=nanoseconds)
    library.timer_settime(timer, 0, ctypes.byref(times), None)
    return timer
