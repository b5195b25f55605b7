# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Atomic and durable writes of files and folders, and locks between processes.

A file or folder is written under a temporary name in the same folder, synced, and renamed, so
readers find either the old or the new content. A kill leaves at most the temporary, which the next
writer of that path removes. Only one process may write a path at a time; if several could, each
needs a `Lock`.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import fcntl
import os
from pathlib import Path
import shutil
import weakref

from irevla_control.errors import ConfigError, IrevlaError


def sync(path: Path) -> None:
    """Wait until a file's content or a folder's entries are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_synced(new: Path, target: Path) -> None:
    """Sync a file, or a folder with all its contents, then rename it.

    A file replaces an existing file.

    Raises:
        OSError: a disk operation fails, or a folder of the new name exists.

    """
    _sync_all(new)
    os.replace(new, target)
    for folder in {target.parent, new.parent}:
        sync(folder)


@contextmanager
def replacement(
    target: Path, temporary: Path | None = None, durable: bool = True
) -> Iterator[Path]:
    """Yield a path to write a file or folder to, which replaces ``target`` after the block.

    If the block or the disk fails, ``target`` does not change, and the temporary is removed. A
    folder is not replaced in one step: for a moment the old one exists as `previous_folder` only.

    Args:
        target: final path; its folder must exist.
        temporary: temporary path; default: ``.<target>.tmp``. An existing one is removed first.
        durable: whether to wait for the disk; False for a file that a power cut may remove.

    Raises:
        OSError: a disk operation fails.

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
        # The first error is raised.
        with suppress(OSError):
            _remove(temporary)
        raise


def previous_folder(target: Path) -> Path:
    """Return the path of the old folder during its replacement, or after a kill during it."""
    return Path(f'{target}.previous')


@contextmanager
def writing(path: Path, remedy: str) -> Iterator[None]:
    """Name the path, the reason and a remedy if it cannot be written.

    Raises:
        ConfigError: the block raised OSError, such as on a full disk.

    """
    try:
        yield
    except OSError as error:
        raise ConfigError(f'{path} cannot be written: {error.strerror}; {remedy}') from error


def write_synced(path: Path, content: str | bytes) -> None:
    """Replace a file's content, atomically; its folder must exist."""
    with replacement(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def _sync_all(path: Path) -> None:
    for each in (*(path.rglob('*') if path.is_dir() else ()), path):
        sync(each)


def _replace_folder(new: Path, target: Path) -> None:
    # Synced before the old folder is renamed, so that the name is free for a short time only.
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
    """A path that another process has locked; ``holder`` is its process id, or ''."""

    def __init__(self, path: Path, holder: str) -> None:
        """Name the path and the process."""
        super().__init__(f'{path} is in use by process {holder or "(unknown)"}')
        self.holder = holder


class Lock:
    """A process's lock of a path, until `close` or any end of the process; a context manager.

    Forked processes neither have the lock nor keep it.
    """

    _descriptor = -1

    def __init__(
        self, path: Path, is_folder: bool = False, wait: bool = False, shared: bool = False
    ) -> None:
        """Lock a folder, or a file, which is created if missing and contains the process's id.

        Args:
            path: path of the file or folder.
            is_folder: whether it is a folder; folders on NFS cannot be locked.
            wait: whether to wait for another process, instead of raising InUseError.
            shared: whether other processes may have a shared lock too; only of a folder.

        Raises:
            InUseError: another process has locked the path, or has just renamed or removed it.
            OSError: the path cannot be opened.

        """
        how = os.O_RDONLY | os.O_DIRECTORY if is_folder else os.O_RDWR | os.O_CREAT
        self._descriptor = os.open(path, how, 0o644)
        _held.add(self)
        try:
            kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(self._descriptor, kind | (0 if wait else fcntl.LOCK_NB))
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
        """Release the lock."""
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
