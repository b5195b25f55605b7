# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Files and folders that survive a kill and a power cut, and locks between processes.

A file or folder is written under a temporary name beside its own, synced, and renamed: readers
find the old content or the new one, never a part. A kill leaves at most the temporary, which the
next writer of that path removes. One process writes a path at a time; where two could, they take
a `Lock` first.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import fcntl
import os
from pathlib import Path
import shutil
import weakref

from irevla_control.errors import IrevlaError


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_synced(new: Path, target: Path) -> None:
    """Give a file, or a folder with all that it holds, another name once it is on the disk.

    A file takes a file's place.

    Raises:
        OSError: the disk refuses, or a folder is there already.

    """
    _sync_all(new)
    os.replace(new, target)
    for folder in {target.parent, new.parent}:
        sync(folder)


@contextmanager
def replacement(
    target: Path, temporary: Path | None = None, durable: bool = True
) -> Iterator[Path]:
    """Give a path to write a file or a folder to, which takes ``target``'s place at the end.

    If the block or the disk fails, ``target`` stays as it is, and nothing is left. A folder cannot
    replace another in one step: for a moment the old one lies beside it as `previous_folder` only.

    Args:
        target: its folder must exist.
        temporary: default: ``.<target>.tmp``; what lies there is removed first.
        durable: False does not wait for the disk, for a file that a power cut may take.

    Raises:
        OSError: the disk refuses.

    """
    temporary = temporary or target.with_name(f'.{target.name}.tmp')
    _remove(temporary)
    try:
        yield temporary
        if temporary.is_dir():
            _replace_folder(temporary, target)
        elif durable:
            replace_synced(temporary, target)
        else:
            os.replace(temporary, target)
    except BaseException:
        # The first error is the one to tell.
        with suppress(OSError):
            _remove(temporary)
        raise


def previous_folder(target: Path) -> Path:
    """Return where a folder lies while another takes its place, or where a kill left it."""
    return Path(f'{target}.previous')


def write_synced(path: Path, content: str | bytes) -> None:
    """Replace a file's content by a text or bytes, atomically; its folder must exist."""
    with replacement(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def _sync_all(path: Path) -> None:
    for each in (*(path.rglob('*') if path.is_dir() else ()), path):
        sync(each)


def _replace_folder(new: Path, target: Path) -> None:
    # Before the old one goes: its name is free for as short as can be.
    _sync_all(new)
    previous = previous_folder(target)
    if target.exists():
        _remove(previous)
        os.replace(target, previous)
    replace_synced(new, target)
    shutil.rmtree(previous, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class InUseError(IrevlaError):
    """A path that another process has locked; ``holder`` is its process id, '' if not known."""

    def __init__(self, path: Path, holder: str) -> None:
        """Name the path and the process."""
        super().__init__(f'{path} is in use by process {holder or "(unknown)"}')
        self.holder = holder


class Lock:
    """The right of one process to a path, until it is closed or the process ends in any way.

    Processes forked from this one do not get it, and do not keep it. A context manager.
    """

    _descriptor = -1

    def __init__(self, path: Path, is_folder: bool = False, wait: bool = False) -> None:
        """Lock a file, which is made if it is missing and holds the process's id, or a folder.

        Args:
            path: of the file or folder.
            is_folder: it is a folder; one on NFS cannot be locked.
            wait: for the process that has it, instead of InUseError.

        Raises:
            InUseError: another process has it, or has just renamed or removed it.
            OSError: the path cannot be opened.

        """
        how = os.O_RDONLY | os.O_DIRECTORY if is_folder else os.O_RDWR | os.O_CREAT
        self._descriptor = os.open(path, how, 0o644)
        _held.add(self)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            if not os.path.samestat(os.fstat(self._descriptor), os.stat(path)):
                raise FileNotFoundError
        except (BlockingIOError, FileNotFoundError):
            holder = '' if is_folder else os.pread(self._descriptor, 20, 0).decode().strip()
            self.close()
            raise InUseError(path, holder) from None
        if not is_folder:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)

    def close(self) -> None:
        """Let other processes have the path."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> 'Lock':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


_held: 'weakref.WeakSet[Lock]' = weakref.WeakSet()


def _close_inherited() -> None:
    for lock in list(_held):
        lock.close()


os.register_at_fork(after_in_child=_close_inherited)
