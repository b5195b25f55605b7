# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes an episode as a rosbag2 folder: an MCAP file and metadata.yaml."""

from collections.abc import Sequence
from dataclasses import dataclass
import os
from pathlib import Path

import yaml

from irevla_control.bags.layout import EPISODE_METADATA, FORMAT, FORMAT_KEY, METADATA
from irevla_control.bags.mcap_file import McapFile
from irevla_control.bags.message_types import definition, type_hash
from irevla_control.errors import BagError
from irevla_control.files import write_synced

# Newest version of metadata.yaml whose QoS format Humble can read.
_METADATA_VERSION = 8
_INFINITE = {'sec': 9223372036, 'nsec': 854775807}


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def to_yaml(data: object) -> str:
    """Return a YAML text without anchors, its keys in the order given."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


@dataclass(frozen=True)
class Topic:
    """A topic to record.

    Attributes:
        name: resolved, beginning with a slash.
        type: 'package/msg/Type'.
        transient_local: whether its publishers offer it; all publishers must be reliable.

    """

    name: str
    type: str
    transient_local: bool = False

    def qos(self) -> str:
        """Return the offered QoS as rosbag2 stores it (numbers are those of rmw's policies)."""
        return to_yaml(
            [
                {
                    'history': 3,
                    'depth': 0,
                    'reliability': 1,
                    'durability': 1 if self.transient_local else 2,
                    'deadline': _INFINITE,
                    'lifespan': _INFINITE,
                    'liveliness': 1,
                    'liveliness_lease_duration': _INFINITE,
                    'avoid_ros_namespace_conventions': False,
                }
            ]
        ).strip()


class BagWriter:
    """A rosbag2 folder to write to; complete after `close`."""

    def __init__(self, folder: Path, topics: Sequence[Topic], about: dict[str, str]) -> None:
        """Create the folder; write ``about``, the metadata known at the start.

        Raises:
            BagError: the folder exists or cannot be created.
            OSError: a write fails.
            ConfigError: a topic's type is not installed.

        """
        definitions = [definition(topic.type) for topic in topics]
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise BagError(
                f'{folder}: cannot begin a bag ({error.strerror}); move the folder '
                'away or record to another one'
            ) from error
        self.folder = folder
        self._name = f'{folder.name}_0.mcap'
        self._file = McapFile.create(
            folder / self._name, {EPISODE_METADATA: {FORMAT_KEY: str(FORMAT), **about}}
        )
        self._channels = {
            topic.name: self._file.add_channel(
                topic.name,
                topic.type,
                text,
                {'offered_qos_profiles': topic.qos(), 'topic_type_hash': type_hash(topic.type)},
            )
            for topic, text in zip(topics, definitions)
        }
        self._newest = 0

    @classmethod
    def resume(cls, folder: Path, file: McapFile, name: str) -> 'BagWriter':
        """Continue a bag with an open file that will have the name ``name`` in its folder."""
        writer = cls.__new__(cls)
        writer.folder, writer._file, writer._name = folder, file, name
        writer._channels = {channel.topic: key for key, channel in file.channels.items()}
        writer._newest = max((traffic.last for traffic in file.traffic.values()), default=0)
        return writer

    @property
    def messages(self) -> dict[str, int]:
        """Number of messages so far, by topic."""
        return {
            topic: self._file.traffic[channel].messages
            for topic, channel in self._channels.items()
        }

    @property
    def max_gap_s(self) -> dict[str, float]:
        """Longest time between two messages [s], by topic."""
        return {
            topic: self._file.traffic[channel].max_gap * 1e-9
            for topic, channel in self._channels.items()
        }

    def write(
        self, topic: str, receive_ns: int, stamp_ns: int, sequence: int, data: bytes
    ) -> None:
        """Add a serialized message; time of reception becomes log time, stamp publish time.

        A log time below the previous one is raised to it, because readers without an index
        require ascending log times.

        Raises:
            OSError: the write fails; all earlier messages are kept.

        """
        self._newest = max(self._newest, receive_ns)
        self._file.write(self._channels[topic], self._newest, stamp_ns, sequence, data)

    def sync(self) -> None:
        """Wait until all messages so far are on the disk."""
        self._file.sync()

    def close(self, custom_data: dict[str, str]) -> None:
        """Finish the MCAP file, write metadata.yaml, sync both; both contain the custom data.

        Raises:
            OSError: a write fails; recovery can try again.

        """
        write_synced(self.folder / METADATA, self.finish(custom_data))

    def finish(self, custom_data: dict[str, str]) -> str:
        """Finish the MCAP file, and sync it; return the text of metadata.yaml.

        Raises:
            OSError: a write fails; recovery can try again.

        """
        custom_data = self._format() | custom_data
        metadata = self._metadata(custom_data)
        self._file.finish(
            {EPISODE_METADATA: custom_data, 'rosbag2': {'serialized_metadata': to_yaml(metadata)}}
        )
        return to_yaml({'rosbag2_bagfile_information': metadata})

    def abandon(self) -> None:
        """Close the file without an end, for a later recovery."""
        self._file.abandon()

    def _format(self) -> dict[str, str]:
        """Return the format of the bag's first metadata; empty for format 1."""
        about = self._file.metadata.get(EPISODE_METADATA, {})
        return {key: text for key, text in about.items() if key == FORMAT_KEY}

    def _metadata(self, custom_data: dict[str, str]) -> dict:
        file = self._file
        used = [traffic for traffic in file.traffic.values() if traffic.messages]
        start = min((traffic.first for traffic in used), default=0)
        span = {
            'starting_time': {'nanoseconds_since_epoch': start},
            'duration': {'nanoseconds': self._newest - start if used else 0},
            'message_count': sum(traffic.messages for traffic in used),
        }
        topics = [
            {
                'topic_metadata': {
                    'name': channel.topic,
                    'type': file.schemas[channel.schema_id].name,
                    'serialization_format': channel.message_encoding,
                    'offered_qos_profiles': channel.metadata.get('offered_qos_profiles', ''),
                    'type_description_hash': channel.metadata.get('topic_type_hash', ''),
                },
                'message_count': file.traffic[key].messages,
            }
            for key, channel in file.channels.items()
        ]
        return {
            'version': _METADATA_VERSION,
            'storage_identifier': 'mcap',
            'relative_file_paths': [self._name],
            **span,
            'topics_with_message_count': topics,
            'compression_format': '',
            'compression_mode': '',
            'files': [{'path': self._name, **span}],
            'custom_data': custom_data,
            'ros_distro': os.environ.get('ROS_DISTRO', ''),
        }
