# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The worker runs the newest job and continues after a job that fails."""

import threading

from irevla_policy.nodes.worker import NewestWorker


def test_newer_job_replaces_a_waiting_one():
    started, release, done = threading.Event(), threading.Event(), []

    def run(job):
        started.set()
        release.wait(5)
        done.append(job)

    worker = NewestWorker(run, errors := [])
    assert worker.submit('first') is False
    assert started.wait(5)
    assert worker.submit('stale') is False
    assert worker.submit('newest') is True
    release.set()
    while len(done) < 2:
        pass
    assert worker.stop()
    assert done == ['first', 'newest'] and not errors


def test_an_error_is_reported_and_the_next_job_still_runs():
    errors, finished = [], threading.Event()

    def run(job):
        if job == 'bad':
            raise ValueError('bad image')
        finished.set()

    worker = NewestWorker(run, errors.append)
    worker.submit('bad')
    while not errors:
        pass
    worker.submit('good')
    assert finished.wait(5)
    assert str(errors[0]) == 'bad image'
    assert worker.stop()
