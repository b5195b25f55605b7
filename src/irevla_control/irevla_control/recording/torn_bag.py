# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Replaces a bag without an end by a complete one; an interrupted replacement can be continued.

Steps: write a copy `<file>.new`, read it back, write `metadata.yaml.new`, rename the copy to the
file, write metadata.yaml, and, after the commit, remove `metadata.yaml.new` (`settled`). If only
`metadata.yaml.new` exists without a copy, the file is replaced, and the later steps remain.
"""

from contextlib import suppress
from pathlib import Path

import yaml

from irevla_control.bags.bag_folder import COMMITTED, mcap_files
from irevla_control.bags.layout import EPISODE_METADATA, METADATA, check_format
from irevla_control.bags.mcap_file import McapFile, NoEndError, read_checksum
from irevla_control.bags.mcap_reader import McapReader
from irevla_control.bags.writer import BagWriter, to_yaml
from irevla_control.errors import BagError
from irevla_control.files import replace_synced, sync, write_synced
from irevla_control.recording.in_use import state_of
from irevla_control.recording.torn_file import Visit, read_torn

_NEW = '.new'
_NOTE = METADATA + _NEW


class TornBag:
    """The complete messages of a bag without an end; only `make_whole` and `remove` change it.

    Attributes:
        folder: folder of the bag.
        messages: number of complete messages.

    """

    def __init__(self, folder: Path, visit: Visit) -> None:
        """Read the bag; call ``visit`` with topic, type and data of each message.

        Raises:
            BagError: the bag has contents that this recorder does not write.
            OSError: the bag cannot be read.

        """
        self.folder = folder
        self._path = only_file(folder)
        self._read = state_of(self._path)
        try:
            self._contents = read_torn(self._path, visit)
        except ValueError as error:
            raise BagError(
                f'{self._path} {error}; it stays as it is, move {folder} away or '
                'recover it with what wrote it'
            ) from error
        check_format(self.about, folder)
        self.messages = self._contents.messages

    @property
    def about(self) -> dict[str, str]:
        """Metadata of the episode: the last record if it is complete, else the first."""
        return self._contents.metadata.get(EPISODE_METADATA, {})

    @property
    def max_gap_s(self) -> dict[str, float]:
        """Longest time between two messages [s], by topic."""
        return {
            self._contents.channels[key].topic: traffic.max_gap * 1e-9
            for key, traffic in self._contents.traffic.items()
        }

    def definition(self, type_name: str) -> str:
        """Return the definition of a recorded type in the bag."""
        return next(
            schema.data.decode()
            for schema in self._contents.schemas.values()
            if schema.name == type_name
        )

    def remove(self) -> None:
        """Remove the folder of a bag without a message.

        Raises:
            BagError: the folder contains another file.
            OSError: the removal fails.

        """
        others = sorted(path.name for path in self.folder.iterdir() if path != self._path)
        if others:
            raise BagError(
                f'{self._path} contains no message, but {", ".join(others)} lies beside '
                'it; move the folder away'
            )
        self._path.unlink()
        self.folder.rmdir()

    def make_whole(self, custom_data: dict[str, str]) -> None:
        """Replace the bag by a complete one with this custom data.

        Raises:
            BagError: the copy differs when read back, or the torn file has changed since it was
                read; the bag is not changed.
            OSError: a write fails; the bag is not changed.

        """
        new = self._path.with_name(self._path.name + _NEW)
        try:
            file = McapFile.resume(new, self._path, self._contents)
            try:
                text = BagWriter.resume(self.folder, file, self._path.name).finish(custom_data)
            finally:
                file.abandon()
            _read_back(
                new,
                {
                    key: traffic.messages
                    for key, traffic in self._contents.traffic.items()
                    if traffic.messages
                },
            )
            write_synced(self.folder / _NOTE, text)
            if state_of(self._path) != self._read:
                raise BagError(
                    f'{self._path} was written while it was read; wait until the copy '
                    'or the recorder has finished'
                )
        except (OSError, BagError):
            # The note is removed first, because a note without a copy means a replaced file. The
            # first error is raised.
            with suppress(OSError):
                (self.folder / _NOTE).unlink(missing_ok=True)
                new.unlink(missing_ok=True)
            raise
        replace_synced(new, self._path)
        write_synced(self.folder / METADATA, text)


def settle(folder: Path) -> None:
    """Finish an interrupted replacement, or remove its copy if the original still exists.

    Raises:
        BagError: the original is lost, and the copy is damaged or incomplete.
        OSError: a write fails.

    """
    note = folder / _NOTE
    copies = {
        copy: copy.with_name(copy.name.removesuffix(_NEW)) for copy in folder.glob(f'*.mcap{_NEW}')
    }
    lost = [copy for copy, original in copies.items() if not original.exists()]
    for copy in lost:
        McapReader(copy).verify()
        replace_synced(copy, copies[copy])
    if len(copies) > len(lost):
        # The note is removed first, because a note without a copy means a replaced file.
        note.unlink(missing_ok=True)
        sync(folder)
        for copy in copies.keys() - lost:
            copy.unlink()
    elif note.exists() and note.read_bytes() == _metadata_text(folder).encode():
        write_synced(folder / METADATA, note.read_bytes())


def settled(folder: Path) -> None:
    """Mark a replacement as finished."""
    (folder / _NOTE).unlink(missing_ok=True)


def is_begun(folder: Path) -> bool:
    """Return whether a folder has an unfinished replacement."""
    return (folder / _NOTE).exists() or any(folder.glob(f'*.mcap{_NEW}'))


def begun(root: Path) -> list[Path]:
    """Return the folders in a root with an unfinished replacement."""
    return sorted(folder for folder in root.iterdir() if folder.is_dir() and is_begun(folder))


def has_end(folder: Path) -> bool:
    """Return whether all files of a bag have their ends, even if they are damaged.

    Raises:
        BagError: the folder contains no MCAP file.
        OSError: a file cannot be read.

    """
    files = mcap_files(folder)
    if not files:
        raise BagError(f'{folder} contains no MCAP file, one is expected; move the folder away')
    return not any(map(_lacks_end, files))


def lacks_metadata(folder: Path) -> bool:
    """Return whether metadata.yaml is missing from a bag of this recorder that has its end."""
    return not (folder / METADATA).exists() and bool(_metadata_text(folder))


def restore_metadata(folder: Path) -> None:
    """Write metadata.yaml from the metadata in a complete bag's file; OSError if that fails."""
    write_synced(folder / METADATA, _metadata_text(folder))


def _metadata_text(folder: Path) -> str:
    """Return the text of metadata.yaml for a bag of this recorder; '' for any other bag."""
    try:
        file = only_file(folder)
        reader = McapReader(file)
        if not any(COMMITTED in record for record in reader.metadata(EPISODE_METADATA)):
            return ''
        content = yaml.safe_load(next(reader.metadata('rosbag2'))['serialized_metadata'])
        # The present name, because the file may have been renamed.
        content['relative_file_paths'] = [file.name]
        content['files'][0]['path'] = file.name
        return to_yaml({'rosbag2_bagfile_information': content})
    except (BagError, StopIteration, KeyError, TypeError, IndexError, yaml.YAMLError):
        return ''


def check_sums(folder: Path) -> None:
    """Raise BagError if a complete file is damaged, which recovery cannot repair."""
    for file in mcap_files(folder):
        McapReader(file).verify()


def _lacks_end(file: Path) -> bool:
    try:
        read_checksum(file)
    except NoEndError:
        return True
    except ValueError:
        # Damage is reported by the reader.
        return False
    return False


def only_file(folder: Path) -> Path:
    """Return the only MCAP file of a folder; BagError if there is none, or several."""
    files = mcap_files(folder)
    if len(files) == 1:
        return files[0]
    torn = [file.name for file in files if _lacks_end(file)]
    if torn:
        raise BagError(
            f'{folder} is a bag of {len(files)} files, and {", ".join(torn)} has no '
            'end; only a bag of one file is recovered, copy the folder again or leave '
            'the episode out'
        )
    raise BagError(
        f'{folder} contains {len(files)} MCAP files, one is expected; move the folder away'
    )


def _read_back(path: Path, expected: dict[int, int]) -> None:
    """Verify the checksums and the numbers of messages of a copy.

    Raises:
        BagError: the copy differs from the expected content.

    """
    try:
        reader = McapReader(path)
        reader.verify()
    except BagError as error:
        raise BagError(f'the copy {path} does not read back ({error}); check the disk') from error
    found = {key: each.messages for key, each in reader.traffic.items() if each.messages}
    if found != expected:
        raise BagError(
            f'the copy {path} reads back with {sum(found.values())} of '
            f'{sum(expected.values())} messages; check the disk'
        )
