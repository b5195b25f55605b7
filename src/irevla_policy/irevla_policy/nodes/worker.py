# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A thread that runs the newest job, so that no callback waits for the model."""

from collections.abc import Callable
import threading
from typing import Generic, TypeVar

Job = TypeVar('Job')


class NewestWorker(Generic[Job]):
    """Runs ``work(job)`` in its own thread; a newer job replaces a waiting one.

    One idle job may wait too; it runs when no other job waits.
    """

    def __init__(self, work: Callable[[Job], None], on_error: Callable[[Exception], None]) -> None:
        """Start the thread; it passes exceptions of ``work`` to ``on_error`` and continues."""
        self._work = work
        self._on_error = on_error
        self._job: Job | None = None
        self._idle_job: Job | None = None
        self._working = self._stopping = False
        self._ready = threading.Condition()
        self._thread = threading.Thread(target=self._run, name='newest-worker', daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        return self._working or self._job is not None or self._idle_job is not None

    def submit(self, job: Job) -> bool:
        """Submit a job; return whether it replaced a waiting one."""
        with self._ready:
            replaced = self._job is not None
            self._job = job
            self._ready.notify()
        return replaced

    def submit_when_idle(self, job: Job) -> None:
        """Submit an idle job, which runs when no other job waits; replace a waiting idle job."""
        with self._ready:
            self._idle_job = job
            self._ready.notify()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Stop after the running job; return whether the thread ended in time."""
        with self._ready:
            self._stopping = True
            self._ready.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                self._work(job)
            except Exception as error:
                self._on_error(error)
            self._working = False

    def _next(self) -> Job | None:
        """Wait for a job and return it; None: the thread must end."""
        with self._ready:
            self._ready.wait_for(
                lambda: self._stopping or self._job is not None or self._idle_job is not None
            )
            if self._stopping:
                return None
            self._working = True
            if self._job is None:
                self._job, self._idle_job = self._idle_job, None
            job, self._job = self._job, None
            return job
