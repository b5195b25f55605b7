# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A thread that always works on the newest job, so that no callback ever waits for the model."""

from collections.abc import Callable
import threading
from typing import Generic, TypeVar

Job = TypeVar('Job')


class NewestWorker(Generic[Job]):
    """Runs ``work(job)`` in its own thread; a job that waits is replaced by a newer one."""

    def __init__(self, work: Callable[[Job], None], on_error: Callable[[Exception], None]) -> None:
        """Start the thread; it outlives an exception of ``work``, which goes to ``on_error``."""
        self._work = work
        self._on_error = on_error
        self._job: Job | None = None
        self._working = self._stopping = False
        self._ready = threading.Condition()
        self._thread = threading.Thread(target=self._run, name='newest-worker', daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        return self._working or self._job is not None

    def submit(self, job: Job) -> bool:
        """Hand over a job; return whether it replaced one that had not begun."""
        with self._ready:
            replaced = self._job is not None
            self._job = job
            self._ready.notify()
        return replaced

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Stop after the running job; return whether the thread ended in time."""
        with self._ready:
            self._stopping = True
            self._ready.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._ready:
                self._ready.wait_for(lambda: self._job is not None or self._stopping)
                job = self._job
                if self._stopping or job is None:
                    return
                self._job, self._working = None, True
            try:
                self._work(job)
            except Exception as error:
                self._on_error(error)
            self._working = False
