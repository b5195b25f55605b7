# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A kill or an error at any point leaves the old or the new content; locks end with a process."""

import errno
import os
from pathlib import Path
import subprocess
import sys

import pytest

from irevla_control.checks.durability import durable_replaces
from irevla_control.files import (
    InUseError,
    Lock,
    previous_folder,
    replace_synced,
    replacement,
    write_synced,
)

CALLS = ('open', 'fsync', 'replace', 'unlink', 'rmdir', 'mkdir')
KILLED = 9


def write_file(target):
    with replacement(target) as new:
        new.write_text('first half, ')
        with new.open('a') as file:
            file.write('second half')


def write_folder(target):
    with replacement(target) as new:
        (new / 'inside').mkdir(parents=True)
        (new / 'a').write_text('first half, ')
        (new / 'inside' / 'b').write_text('second half')


def content(target):
    """Return the text of a file, or of all files of a folder in the order of their names."""
    if target.is_file():
        return target.read_text()
    return ''.join(path.read_text() for path in sorted(target.rglob('*')) if path.is_file())


def at_call(number, act, write, target):
    """Write in a process that does `act` at system call `number`; return its exit status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        left = number

        def counting(real):
            def counted(*given, **more):
                nonlocal left
                left -= 1
                return act() if left == -1 else real(*given, **more)

            return counted

        for name in CALLS:
            setattr(os, name, counting(getattr(os, name)))
        write(target)
        status = 0
    except OSError:
        status = 2
    finally:
        os._exit(status)


def refuse():
    raise OSError(errno.ENOSPC, 'No space left on device')


@pytest.mark.parametrize('write', [write_file, write_folder])
@pytest.mark.parametrize('act', [lambda: os._exit(KILLED), refuse], ids=['kill', 'full disk'])
def test_interrupted_write_leaves_the_old_or_the_new_content(tmp_path, write, act):
    for number in range(60):
        target = tmp_path / str(number) / 'policy'
        target.parent.mkdir()
        if write is write_file:
            target.write_text('old')
        else:
            target.mkdir()
            (target / 'a').write_text('old')
        status = at_call(number, act, write, target)
        # Only a folder may be missing; its old content is then beside it.
        found = target if target.exists() else previous_folder(target)
        assert content(found) in ('old', 'first half, second half'), number
        assert target.exists() or write is write_folder
        write(target)
        assert content(target) == 'first half, second half'
        assert [path.name for path in target.parent.iterdir()] == ['policy'], number
        if status == 0 and act is not refuse:
            break
    assert number > 4


@pytest.mark.parametrize('write', [write_file, write_folder])
def test_error_in_the_block_leaves_only_the_old_content(tmp_path, write):
    target = tmp_path / 'policy'
    write(target)
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), replacement(target) as new:
            write(new)
            raise error
    assert content(target) == 'first half, second half'
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize('write', [write_file, write_folder])
def test_new_content_is_synced_before_its_rename_and_the_folder_after_it(tmp_path, write):
    for _ in range(2):
        with durable_replaces(tmp_path / 'policy'):
            write(tmp_path / 'policy')


def test_folder_does_not_replace_another_folder_with_content(tmp_path):
    for name in ('new', 'old'):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'content').write_text(name)
    with pytest.raises(OSError, match='not empty'):
        replace_synced(tmp_path / 'new', tmp_path / 'old')
    assert content(tmp_path / 'old') == 'old' and content(tmp_path / 'new') == 'new'


def test_texts_and_bytes_are_written(tmp_path):
    write_synced(tmp_path / 'file', 'grüß')
    assert (tmp_path / 'file').read_bytes() == 'grüß'.encode()
    write_synced(tmp_path / 'file', b'\xff')
    assert (tmp_path / 'file').read_bytes() == b'\xff'


LOCKER = """
import sys
from pathlib import Path
from irevla_control.files import Lock
lock = Lock(Path(sys.argv[1]), is_folder=sys.argv[2] == 'folder')
print('locked', flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize('kind', ['file', 'folder'])
def test_lock_ends_with_its_process_and_its_file_names_the_process(tmp_path, kind):
    path = tmp_path / 'lock' if kind == 'file' else tmp_path
    with subprocess.Popen(
        [sys.executable, '-c', LOCKER, path, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b'locked\n'
        with pytest.raises(InUseError) as caught:
            Lock(path, is_folder=kind == 'folder')
        assert caught.value.holder == (str(holder.pid) if kind == 'file' else '')
        holder.kill()
        with Lock(path, is_folder=kind == 'folder', wait=True):
            pass


@pytest.mark.parametrize('is_folder', [False, True])
def test_lock_excludes_its_own_process_until_it_is_closed_or_deleted(tmp_path, is_folder):
    path = tmp_path if is_folder else tmp_path / 'lock'
    with Lock(path, is_folder), pytest.raises(InUseError):
        Lock(path, is_folder)
    lock = Lock(path, is_folder)
    del lock
    Lock(path, is_folder).close()


def test_a_forked_process_neither_has_nor_keeps_a_lock(tmp_path):
    lock = Lock(tmp_path / 'lock')
    seen, end = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            Lock(tmp_path / 'lock')
        except InUseError:
            os.write(seen[1], b'refused')
            os.close(end[1])
            os.read(end[0], 1)
        os._exit(0)
    os.close(seen[1])
    try:
        assert os.read(seen[0], 10) == b'refused'
        lock.close()
        Lock(tmp_path / 'lock').close()
    finally:
        os.close(end[1])
        os.waitpid(child, 0)
        os.close(seen[0])
        os.close(end[0])


def test_lock_file_that_is_renamed_while_it_is_opened_is_refused(tmp_path, monkeypatch):
    def renamed_meanwhile(path, *given):
        descriptor = really_open(path, *given)
        if Path(path) == tmp_path / 'lock':
            (tmp_path / 'lock').rename(tmp_path / 'done')
        return descriptor

    really_open = os.open
    monkeypatch.setattr(os, 'open', renamed_meanwhile)
    with pytest.raises(InUseError):
        Lock(tmp_path / 'lock')


def test_a_folder_that_is_gone_is_not_locked_as_a_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        Lock(tmp_path / 'gone', is_folder=True)
    assert not list(tmp_path.iterdir())
