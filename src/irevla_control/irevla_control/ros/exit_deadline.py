# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""End a process whose clean-up hangs in C code that holds Python's lock."""

from collections.abc import Iterator
from contextlib import contextmanager
import ctypes

CLOCK_MONOTONIC, SIGEV_THREAD = 1, 2


class _Event(ctypes.Structure):
    """The C library's `sigevent`: what happens when a timer ends."""

    _fields_ = [
        ('value', ctypes.c_size_t),
        ('number', ctypes.c_int),
        ('notify', ctypes.c_int),
        ('function', ctypes.c_void_p),
        ('rest', ctypes.c_char * 40),
    ]


class _Times(ctypes.Structure):
    """The C library's `itimerspec`."""

    _fields_ = [(name, ctypes.c_long) for name in ('period_s', 'period_ns', 'value_s', 'value_ns')]


@contextmanager
def exit_after(seconds: int, status: int) -> Iterator[None]:
    """End the process with ``status`` if the block takes longer than ``seconds``.

    No thread of Python could do so: the C library's timer needs no lock of Python.
    """
    library, timer = ctypes.CDLL(None, use_errno=True), ctypes.c_void_p()
    event = _Event(
        value=status, notify=SIGEV_THREAD, function=ctypes.cast(library['_exit'], ctypes.c_void_p)
    )
    if library.timer_create(CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer)):
        raise OSError(ctypes.get_errno(), 'the C library makes no timer')
    library.timer_settime(timer, 0, ctypes.byref(_Times(value_s=seconds)), None)
    try:
        yield
    finally:
        library.timer_delete(timer)
