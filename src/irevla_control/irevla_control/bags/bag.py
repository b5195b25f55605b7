# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The messages of a recorded episode, by topic and stamp; message types need not be installed."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from irevla_control.bags.bag_folder import BagFolder
from irevla_control.bags.joining import checked_skew_s, joined, misfit
from irevla_control.bags.message_types import decode
from irevla_control.cdr import stamp_of
from irevla_control.episode import PHASE_RUNNING
from irevla_control.errors import BadMessageError, BagError


class Bag:
    """The messages of a bag on some topics, by stamp, decoded on demand.

    Of several messages with one stamp, the last is used.

    Attributes:
        max_skew_ns: largest age of a part at the observation's stamp [ns].

    """

    def __init__(
        self,
        folder: Path,
        topics: Sequence[str],
        optional: Sequence[str] = (),
        max_skew_s: float | None = None,
    ) -> None:
        """Read all messages of topics given by relative name, in any namespace.

        Images may be compressed, on the topic or on its subtopic `compressed`. Missing
        ``optional`` topics have no messages. ``max_skew_s`` overrides the value in the bag.

        Raises:
            BagError: the bag is incomplete or damaged, or a topic is missing, occurs in several
                namespaces, or has messages of a type that is not readable.

        """
        self._folder = folder
        self._data: dict[str, dict[int, bytes]] = {topic: {} for topic in (*topics, *optional)}
        files = BagFolder(folder)
        # Checked before the types, so that the error for a newer format names its number.
        about = files.about()
        held = {
            name: topic
            for name in self._data
            if (topic := files.optional_topic(name) if name in optional else files.topic(name))
            is not None
        }
        self._types = {name: files.types(name, topic) for name, topic in held.items()}
        try:
            skew_s = about.get('max_skew_s', 0) if max_skew_s is None else max_skew_s
            self.max_skew_ns = round(checked_skew_s(skew_s) * 1e9)
            for name, _, data in files.read(held):
                self._data[name][stamp_of(data)] = data
        except (BadMessageError, ValueError) as error:
            raise BagError(f'{folder}: damaged ({error}); leave it out') from error

    def stamps(self, topic: str) -> set[int]:
        """Return the stamps [ns] of a topic's messages."""
        return set(self._data[topic])

    def joined(self, topic: str, stamps: Sequence[int]) -> list[int | None]:
        """Return the stamp of the topic's message for each observation stamp [ns], or None."""
        return joined(sorted(self._data[topic]), stamps, self.max_skew_ns)

    def misfit(self, topics: Sequence[str], stamps: Sequence[int]) -> str:
        """Return the topics without a message for these stamps, and the difference in time."""
        found = {
            topic: misfit(sorted(self._data[topic]), stamps, self.max_skew_ns) for topic in topics
        }
        return ', '.join(f'{_shown(topic)} {text}' for topic, text in found.items() if text) + (
            f'; max_skew_s is {self.max_skew_ns * 1e-9:g} s'
        )

    def messages(self, topic: str, stamps: Sequence[int]) -> Iterator[Any]:
        """Yield the messages of these stamps in order, and free each; stamps may repeat in a row.

        Raises:
            BagError: a message cannot be decoded.

        """
        held, message = None, None
        for stamp in stamps:
            if stamp != held:
                held, message = stamp, self.take(topic, stamp)
            yield message

    def take(self, topic: str, stamp: int) -> Any:
        """Return a message and free its data, because an episode's images are large.

        Raises:
            BagError: the message cannot be decoded.

        """
        data = self._data[topic].pop(stamp)
        try:
            return decode(*self._types[topic], data)
        except BadMessageError as error:
            raise BagError(f'{self._folder}: {topic}: {error}; leave the episode out') from error


def one_episode(events: Mapping[int, Any], folder: Path) -> dict[int, Any]:
    """Return the events of a bag's episode, by stamp.

    The last event of an earlier episode, which late subscribers receive, is left out.

    Raises:
        BagError: the bag contains several episodes, or no event.

    """
    if not events:
        raise BagError(f'{folder}: no message on episode; the task is unknown, leave it out')
    names = {event.episode_id for event in events.values() if event.phase == PHASE_RUNNING}
    if len(names) > 1:
        raise BagError(
            f'{folder} contains {len(names)} episodes in one bag '
            f'({", ".join(sorted(names)[:3])}{", ..." if len(names) > 3 else ""}); '
            'leave it out, or cut it by time into one bag an episode'
        )
    name = names.pop() if names else events[max(events)].episode_id
    return {stamp: event for stamp, event in events.items() if event.episode_id == name}


def _shown(topic: str) -> str:
    """Return a topic's name for messages, such as 'camera wrist'."""
    return topic.removesuffix('/image_raw').replace('camera/', 'camera ')
