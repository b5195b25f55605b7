# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The messages of one recorded episode, by topic and stamp; needs no installed message types."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from mcap.records import Channel

from irevla_control.bags.joining import joined
from irevla_control.bags.layout import EPISODE_METADATA
from irevla_control.bags.mcap_reader import McapReader
from irevla_control.bags.message_types import decode
from irevla_control.bags.needed_fields import COMPRESSED_IMAGE, IMAGE, NEEDED, checked_types
from irevla_control.cdr import stamp_of
from irevla_control.errors import BadMessageError, BagError

_COMPRESSED = '/compressed'


class Bag:
    """The messages of a bag on some topics, by stamp, decoded on demand.

    Of messages with one stamp the last counts.

    Attributes:
        max_skew_ns: how much older than the observation's stamp its parts may be [ns].

    """

    def __init__(self, folder: Path, topics: Sequence[str], optional: Sequence[str] = ()) -> None:
        """Read all messages of topics given by relative name, in whatever namespace they are.

        Images may be compressed, on the topic itself or beside it. The bag may lack ``optional``
        ones, which then have no messages.

        Raises:
            BagError: not a complete bag, or damaged; a topic that it does not hold once; one
                with other messages than are needed.

        """
        self._folder = folder
        self._data: dict[str, dict[int, bytes]] = {topic: {} for topic in (*topics, *optional)}
        reader = McapReader(_only_file(folder))
        chosen = {topic: _channel(reader.channels.values(), folder, topic, topic in optional)
                  for topic in self._data}
        held = {topic: channel for topic, channel in chosen.items() if channel is not None}
        try:
            self._types = {topic: (checked_types(
                channel.topic, reader.schemas.get(channel.schema_id), channel.message_encoding,
                (NEEDED[topic],) if topic in NEEDED else (IMAGE, COMPRESSED_IMAGE)),
                reader.schemas[channel.schema_id].name) for topic, channel in held.items()}
        except BadMessageError as error:
            raise BagError(f'{folder}: {error}; leave the episode out') from error
        about = next(reader.metadata(EPISODE_METADATA), {})
        try:
            self.max_skew_ns = round(float(about.get('max_skew_s', 0)) * 1e9)
            data = {channel.id: self._data[topic] for topic, channel in held.items()}
            for message in reader.read(data):
                data[message.channel][stamp_of(message.data)] = message.data
        except (BadMessageError, ValueError) as error:
            raise BagError(f'{folder}: damaged ({error}); leave it out') from error

    def stamps(self, topic: str) -> set[int]:
        """Return the stamps [ns] of a topic's messages."""
        return set(self._data[topic])

    def joined(self, topic: str, stamps: Sequence[int]) -> list[int | None]:
        """Return for each stamp [ns] that of the topic's message that belongs to it, or None."""
        return joined(sorted(self._data[topic]), stamps, self.max_skew_ns)

    def messages(self, topic: str, stamps: Sequence[int]) -> Iterator[Any]:
        """Yield the messages of these stamps, which may repeat, in their order; forget each.

        Raises:
            BagError: one cannot be decoded.

        """
        held, message = None, None
        for stamp in stamps:
            if stamp != held:
                held, message = stamp, self.take(topic, stamp)
            yield message

    def take(self, topic: str, stamp: int) -> Any:
        """Return a message, and forget it: an episode's images are large.

        Raises:
            BagError: it cannot be decoded.

        """
        data = self._data[topic].pop(stamp)
        try:
            return decode(*self._types[topic], data)
        except BadMessageError as error:
            raise BagError(f'{self._folder}: {topic}: {error}; leave the episode out') from error


def _only_file(folder: Path) -> Path:
    files = list(folder.glob('*.mcap'))
    if len(files) != 1:
        raise BagError(f'{folder} holds {len(files)} MCAP files, one is needed; name the folder '
                       'of one episode')
    return files[0]


def _channel(channels: Collection[Channel], folder: Path, topic: str,
             optional: bool) -> Channel | None:
    """Return the one channel of a relative topic, in whatever namespace it was recorded."""
    found = [each for each in channels if each.topic.endswith(f'/{topic}')] or \
        [each for each in channels if each.topic.endswith(f'/{topic}{_COMPRESSED}')]
    if not found and optional:
        return None
    if len(found) != 1:
        held = ', '.join(sorted(each.topic for each in channels)) or 'none'
        raise BagError(f'{folder}: {len(found)} recorded topics end in /{topic}, one is needed; '
                       f'the bag holds {held}')
    return found[0]
