# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A rosbag2 folder: its MCAP files, under any names, read as one, and their metadata."""

from collections.abc import Iterator, Mapping
from contextlib import closing
import json
from pathlib import Path
import re
from shlex import quote
import sqlite3
from typing import Any

from rosbags.typesys.store import Typestore
import yaml

from irevla_control.bags.layout import EPISODE_METADATA, METADATA, check_format
from irevla_control.bags.mcap_reader import RECOVERY, McapReader
from irevla_control.bags.message_types import decode
from irevla_control.bags.needed_fields import COMPRESSED_IMAGE, IMAGE, NEEDED, checked_types
from irevla_control.episode import PHASE_RUNNING
from irevla_control.errors import BadMessageError, BagError, LostEpisodeError, NoEpisodeError

# A key that only an episode's last metadata record has, which is written at its commit.
COMMITTED = 'recorded_ns'
_COMPRESSED = '/compressed'
# File name in a bag that was split.
_PART = re.compile(r'(?P<name>.*)_(?P<number>\d+)\.mcap')


class BagFolder:
    """The MCAP files of a folder, in order.

    Attributes:
        folder: folder of the files.
        readers: reader of each file.

    """

    def __init__(self, folder: Path) -> None:
        """Read the end of each file.

        Raises:
            NoEpisodeError: the folder contains no MCAP file.
            BagError: a file is missing or damaged, or its messages are compressed one by one.

        """
        self.folder = Path(folder)
        files = mcap_files(self.folder)
        if not files:
            raise _no_files(self.folder)
        self._side = side_file(self.folder)
        self._check_parts([file.name for file in files])
        if str(self._side.get('compression_mode')).lower() == 'message':
            raise BagError(
                f'{self.folder} contains messages that are compressed one by one; '
                f'{_converting(self.folder)} writes a bag that is read'
            )
        self.readers = [McapReader(file) for file in files]
        self._check_copies()

    def _check_parts(self, held: list[str]) -> None:
        """Raise BagError if a file is missing, by metadata.yaml or by the files' numbers."""
        names = self._side.get('relative_file_paths')
        listed = {Path(str(name)).name for name in names} if isinstance(names, list) else set()
        gone = listed.difference(held)
        # If all listed files are missing, the bag was renamed, which is allowed.
        if len(listed) > len(held) or (gone and len(gone) < len(listed)):
            raise BagError(
                f'{self.folder} lacks {", ".join(sorted(gone))}, which its {METADATA} '
                'lists; copy the folder again'
            )
        parts = [part for name in held if (part := _PART.fullmatch(name))]
        if len(parts) == len(held) and len({part['name'] for part in parts}) == 1:
            numbers = [int(part['number']) for part in parts]
            lost = sorted(set(range(min(numbers), max(numbers))).difference(numbers))
            if lost:
                raise BagError(
                    f'{self.folder} lacks {parts[0]["name"]}_{lost[0]}.mcap, between '
                    f'{held[0]} and {held[-1]}; copy the folder again'
                )

    def _check_copies(self) -> None:
        """Raise BagError if two files are copies, because their messages would count twice."""
        seen: dict[tuple[int, int], str] = {}
        for reader in self.readers:
            name = reader.path.name
            same = seen.setdefault((reader.size, reader.checksum), name)
            if reader.checksum and same != name:
                raise BagError(
                    f'{self.folder} contains the same file twice, as {same} and {name}; '
                    'move one of them away'
                )

    @property
    def size(self) -> int:
        """Return the size of all files [bytes]."""
        return sum(reader.size for reader in self.readers)

    @property
    def topics(self) -> dict[str, int]:
        """Return the number of messages by topic."""
        found: dict[str, int] = {}
        for reader in self.readers:
            for key, channel in reader.channels.items():
                found[channel.topic] = found.get(channel.topic, 0) + reader.messages.get(key, 0)
        return found

    def about(self) -> dict[str, str]:
        """Return the bag's metadata of its episode; it is complete if it has the key `COMMITTED`.

        The last record in the files is used; bags of release 0.1 have it in metadata.yaml only,
        which is used if its episode is that of the messages.

        Raises:
            BagError: the files are of several episodes or of a newer format, or the metadata is
                only in metadata.yaml and the messages cannot be read.

        """
        inside, beside = self._records(), data_beside(self._side)
        if COMMITTED in inside:
            check_format(inside, self.folder)
            return inside
        # Checked before the messages, so that the error for a newer format names its number.
        check_format(inside | beside, self.folder)
        return inside | beside if self._is_of(beside.get('episode_id')) else inside

    def _records(self) -> dict[str, str]:
        """Return the last complete record in the files, or else all values of their records."""
        records: list[dict[str, str]] = []
        for reader in self.readers:
            record: dict[str, str] = {}
            for each in reader.metadata(EPISODE_METADATA):
                record = each | record
                if COMMITTED in each:
                    break
            records.append(record)
        names = {record['episode_id'] for record in records if record.get('episode_id')}
        if len(names) > 1:
            raise BagError(
                f'{self.folder} contains MCAP files of {len(names)} episodes '
                f'({", ".join(sorted(names))}); give each a folder of its own'
            )
        for record in reversed(records):
            if COMMITTED in record:
                return record
        return {key: text for record in records for key, text in record.items()}

    def _is_of(self, episode_id: str | None) -> bool:
        """Return whether the messages are of this episode; True if they do not show it."""
        topic = self.optional_topic('episode')
        if episode_id is None or topic is None:
            return True
        types = self.types('episode', topic)
        try:
            for _, _, data in self.read({'episode': topic}):
                event = decode(*types, data)
                # Late subscribers receive the end of the previous episode.
                if event.phase == PHASE_RUNNING:
                    return event.episode_id == episode_id
        except BadMessageError as error:
            raise BagError(f'{self.folder}: {error}; leave the episode out') from error
        return True

    def check_record(self, about: Mapping[str, str]) -> None:
        """Compare the result of `about` with its copy; if they differ, verify all checksums.

        A metadata record has no checksum.

        Raises:
            BagError: a file is damaged.

        """
        if data_beside(self._side) != about:
            self.verify()

    def verify(self) -> None:
        """Verify all checksums in all files; raise BagError if one differs."""
        for reader in self.readers:
            reader.verify()

    def topic(self, name: str) -> str:
        """Return the recorded topic of a relative name, in any namespace.

        Raises:
            BagError: there is no such topic, or there are several.

        """
        topic = self.optional_topic(name)
        if topic is None:
            raise self._count_error(name, 0)
        return topic

    def optional_topic(self, name: str) -> str | None:
        """Return the topic like `topic`, or None if there is none.

        Raises:
            BagError: there are several such topics.

        """
        held = sorted(self.topics)
        found = [topic for topic in held if topic.endswith(f'/{name}')] or [
            topic for topic in held if topic.endswith(f'/{name}{_COMPRESSED}')
        ]
        if len(found) > 1:
            raise self._count_error(name, len(found))
        return found[0] if found else None

    def _count_error(self, name: str, count: int) -> BagError:
        return BagError(
            f'{self.folder}: {count} recorded topics end in /{name}, one is needed; '
            f'the bag contains {", ".join(sorted(self.topics)) or "none"}'
        )

    def types(self, name: str, topic: str) -> tuple[Typestore, str]:
        """Return the type store for a topic's messages, and their type.

        Args:
            name: relative name, which determines the readable types.
            topic: recorded name.

        Raises:
            BagError: the topic's messages are of a type or definition that is not readable.

        """
        needed = (NEEDED[name],) if name in NEEDED else (IMAGE, COMPRESSED_IMAGE)
        found: dict[tuple[str, bytes], tuple[Typestore, str]] = {}
        for reader in self.readers:
            for channel in reader.channels.values():
                if channel.topic == topic:
                    schema = reader.schemas.get(channel.schema_id)
                    try:
                        store = checked_types(topic, schema, channel.message_encoding, needed)
                    except BadMessageError as error:
                        raise BagError(f'{self.folder}: {error}; leave the episode out') from error
                    # `checked_types` raises without a schema.
                    if schema is not None:
                        found[schema.name, schema.data] = store, schema.name
        if len(found) > 1:
            raise BagError(
                f'{self.folder}: {topic} has messages of {len(found)} definitions; '
                'leave the episode out'
            )
        return next(iter(found.values()))

    def read(self, topics: Mapping[str, str]) -> Iterator[tuple[str, int, bytes]]:
        """Yield name, log time [ns] and data of the messages of topics, given as name: topic.

        Raises:
            BagError: a file is damaged; may be raised after the last message.

        """
        names = {topic: name for name, topic in topics.items()}
        for reader in self.readers:
            chosen = {
                key: names[channel.topic]
                for key, channel in reader.channels.items()
                if channel.topic in names
            }
            for message in reader.read(chosen):
                yield chosen[message.channel], message.log_time, message.data


def mcap_files(folder: Path) -> list[Path]:
    """Return the MCAP files of a folder; files of a split bag in order of their numbers.

    The files ._x.mcap, which macOS writes on disks of other systems, are left out.
    """
    found = [
        file
        for file in folder.glob('*.mcap')
        if not file.name.startswith('.') and (file.is_file() or file.is_symlink())
    ]
    return sorted(
        found,
        key=lambda file: [
            (int(part), '') if part.isdigit() else (0, part)
            for part in re.split(r'(\d+)', file.name)
        ],
    )


def side_file(folder: Path) -> dict[str, Any]:
    """Return the content of metadata.yaml; empty if it is missing or not valid."""
    try:
        text = (folder / METADATA).read_text()
        content = yaml.load(text, Loader=getattr(yaml, 'CSafeLoader', yaml.SafeLoader))
        return dict(content['rosbag2_bagfile_information'])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError):
        return {}


def data_beside(side: Mapping[str, Any]) -> dict[str, str]:
    """Return the custom data in a metadata.yaml's content, as text; empty if there are none."""
    custom = side.get('custom_data')
    return (
        {
            str(key): str(value).lower() if isinstance(value, bool) else str(value)
            for key, value in custom.items()
        }
        if isinstance(custom, dict)
        else {}
    )


def _converting(folder: Path) -> str:
    return (
        f'rosbags-convert --src {quote(str(folder))} --dst {quote(f"{folder}_mcap")} '
        '--dst-storage mcap'
    )


def _converting_by_ros(folder: Path) -> str:
    uri = f'{folder}_mcap'
    # A path that needs no quotes in a shell needs none in YAML.
    uri = uri if quote(uri) == uri else json.dumps(uri, ensure_ascii=False)
    options = quote(f'output_bags: [{{uri: {uri}, storage_id: mcap, all: true}}]')
    return f'ros2 bag convert -i {quote(str(folder))} -o <(echo {options})'


def _defines_types(database: Path) -> bool:
    """Return whether an sqlite3 bag contains message definitions; bags of Humble do not."""
    try:
        with closing(sqlite3.connect(f'{database.absolute().as_uri()}?mode=ro', uri=True)) as bag:
            return bag.execute('SELECT count(*) FROM message_definitions').fetchone()[0] > 0
    except sqlite3.Error:
        return False


def _no_files(folder: Path) -> NoEpisodeError:
    """Return an error that describes a folder without an MCAP file, with the remedy."""
    databases = list(folder.glob('*.db3'))
    if databases:
        command = (
            _converting(folder)
            if all(map(_defines_types, databases))
            else (f'{_converting_by_ros(folder)}, where irevla_msgs is sourced,')
        )
        return LostEpisodeError(
            f'{folder} contains an sqlite3 bag; {command} writes one that is read'
        )
    if any(folder.glob('*.mcap.zstd')):
        return LostEpisodeError(f'{folder} contains a compressed MCAP file; zstd -d unpacks it')
    if any(folder.glob('*.mcap.new')):
        return LostEpisodeError(
            f'{folder} contains the copy of a recovery alone; {RECOVERY} '
            f'{quote(str(folder))} puts it in its place'
        )
    if (folder / METADATA).exists():
        return LostEpisodeError(
            f'{folder} contains {METADATA} without an MCAP file; copy the folder again'
        )
    if any(folder.glob('*/*.mcap')):
        return NoEpisodeError(
            f'{folder} contains no MCAP file itself; give it as a root, since folders in it do'
        )
    return NoEpisodeError(f'{folder} contains no MCAP file')
