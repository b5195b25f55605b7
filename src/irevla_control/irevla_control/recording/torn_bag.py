# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A bag without an end, and how a whole one takes its place, whenever that is broken off.

Beside the torn file a copy is written, `<file>.new`, and read back. Then `metadata.yaml.new` is
written, the copy takes the file's place, and metadata.yaml follows. `metadata.yaml.new` goes last,
with `settled`: while it is there without a copy, the file is replaced and the rest is to be done.
"""

from collections import Counter
from contextlib import suppress
from pathlib import Path

from mcap.records import Message
from mcap.stream_reader import StreamReader

from irevla_control.bags.layout import EPISODE_METADATA, check_format
from irevla_control.bags.mcap_file import McapFile, read_checksum
from irevla_control.bags.writer import BagWriter
from irevla_control.errors import BagError
from irevla_control.files import replace_synced, sync, write_synced
from irevla_control.recording.torn_file import Visit, read_torn

METADATA = 'metadata.yaml'
_NEW = '.new'
_NOTE = METADATA + _NEW


class TornBag:
    """What is whole of a bag without an end; nothing changes before `make_whole`.

    Attributes:
        folder: of the bag.
        messages: how many are whole; without any, `is_empty`.

    """

    def __init__(self, folder: Path, visit: Visit) -> None:
        """Read it; ``visit`` is called with topic, type and data of each message.

        Raises:
            BagError: it holds what is not understood, and stays as it is.
            OSError: it cannot be read.

        """
        self.folder = folder
        self._path = _only_file(folder)
        try:
            self._contents = read_torn(self._path, visit)
        except ValueError as error:
            raise BagError(f'{self._path} {error}; it stays as it is, move {folder} away or '
                           'recover it with what wrote it') from error
        check_format(self.about, folder)
        self.messages = self._contents.messages

    @property
    def about(self) -> dict[str, str]:
        """What the file tells of the episode: at its beginning, or at its end if that is whole."""
        return self._contents.metadata.get(EPISODE_METADATA, {})

    @property
    def max_gap_s(self) -> dict[str, float]:
        """Longest time between two messages per topic [s]."""
        return {self._contents.channels[key].topic: traffic.max_gap * 1e-9
                for key, traffic in self._contents.traffic.items()}

    def definition(self, type_name: str) -> str:
        """Return the definition of a recorded type, from the bag itself."""
        return next(schema.data.decode() for schema in self._contents.schemas.values()
                    if schema.name == type_name)

    def remove(self) -> None:
        """Remove the folder of a bag that holds nothing but a header.

        Raises:
            BagError: another file lies in it.
            OSError: the disk refuses.

        """
        others = sorted(path.name for path in self.folder.iterdir() if path != self._path)
        if others:
            raise BagError(f'{self._path} holds no message, but {", ".join(others)} lies beside '
                           'it; move the folder away')
        self._path.unlink()
        self.folder.rmdir()

    def make_whole(self, custom_data: dict[str, str]) -> None:
        """Have a whole bag take its place, with this custom data.

        Raises:
            BagError: the copy does not read back; the torn file stays as it is.
            OSError: the disk refuses; likewise.

        """
        new = self._path.with_name(self._path.name + _NEW)
        try:
            file = McapFile.resume(new, self._path, self._contents)
            try:
                text = BagWriter.resume(self.folder, file, self._path.name).finish(custom_data)
            finally:
                file.abandon()
            _read_back(new, {key: traffic.messages for key, traffic
                             in self._contents.traffic.items() if traffic.messages})
            write_synced(self.folder / _NOTE, text)
        except (OSError, BagError):
            # The first error is the one to tell.
            with suppress(OSError):
                settle(self.folder)
            raise
        replace_synced(new, self._path)
        write_synced(self.folder / METADATA, text)


def settle(folder: Path) -> None:
    """Take up a replacement that was killed: finish it, or forget the copy of a file still there.

    Raises:
        OSError: the disk refuses.

    """
    note, copies = folder / _NOTE, unfinished(folder)
    if copies:
        # First the note, which without a copy says that the file is replaced.
        note.unlink(missing_ok=True)
        sync(folder)
        for path in copies:
            path.unlink()
    elif note.exists():
        write_synced(folder / METADATA, note.read_bytes())


def settled(folder: Path) -> None:
    """Note that nothing of a replacement is left to do."""
    (folder / _NOTE).unlink(missing_ok=True)


def unfinished(folder: Path) -> list[Path]:
    """Return the copies of a folder's files that did not take their place."""
    return [copy for copy in folder.glob(f'*.mcap{_NEW}')
            if copy.with_name(copy.name.removesuffix(_NEW)).exists()]


def begun(root: Path) -> list[Path]:
    """Return the folders under a root whose replacement was begun and not finished."""
    return sorted({path.parent for pattern in (_NOTE, f'*.mcap{_NEW}')
                   for path in root.glob(f'*/{pattern}')})


def is_whole(folder: Path) -> bool:
    """Return whether a bag has its end and its metadata.yaml.

    Raises:
        BagError: it holds no MCAP file, or several.
        OSError: it cannot be read.

    """
    file = _only_file(folder)
    try:
        read_checksum(file)
    except ValueError:
        return False
    return (folder / METADATA).exists()


def check_sums(folder: Path) -> None:
    """Raise BagError when a whole file is damaged, which no recovery mends."""
    try:
        read_checksum(_only_file(folder), verify=True)
    except ValueError as error:
        raise BagError(f'{folder}: {error}; which message is wrong cannot be told, copy the bag '
                       'again or leave it out') from error


def _only_file(folder: Path) -> Path:
    files = list(folder.glob('*.mcap'))
    if len(files) != 1:
        raise BagError(f'{folder} holds {len(files)} MCAP files, one is expected; move the folder '
                       'away')
    return files[0]


def _read_back(path: Path, expected: dict[int, int]) -> None:
    """Read every record of a copy, and compare its checksums and the messages in it.

    Raises:
        BagError: it does not hold what was written.

    """
    try:
        read_checksum(path, verify=True)
        with path.open('rb') as stream:
            found = Counter(record.channel_id for record in StreamReader(stream).records
                            if isinstance(record, Message))
    except ValueError as error:
        raise BagError(f'the copy {path} does not read back: {error}; check the disk') from error
    if found != expected:
        raise BagError(f'the copy {path} reads back with {sum(found.values())} of '
                       f'{sum(expected.values())} messages; check the disk')
