# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The messages of one recorded episode, by topic and stamp; needs no installed message types."""

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

    Of messages with one stamp the last counts.

    Attributes:
        max_skew_ns: how much older than the observation's stamp its parts may be [ns].

    """

    def __init__(
        self,
        folder: Path,
        topics: Sequence[str],
        optional: Sequence[str] = (),
        max_skew_s: float | None = None,
    ) -> None:
        """Read all messages of topics given by relative name, in whatever namespace they are.

        Images may be compressed, on the topic itself or beside it. The bag may lack ``optional``
        ones, which then have no messages. ``max_skew_s`` counts in place of what the bag states.

        Raises:
            BagError: not a complete bag, or damaged; a topic that it does not hold once; one
                with other messages than are needed.

        """
        self._folder = folder
        self._data: dict[str, dict[int, bytes]] = {topic: {} for topic in (*topics, *optional)}
        files = BagFolder(folder)
        # A newer format is refused for its number, not for its types.
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
        """Return for each stamp [ns] that of the topic's message that belongs to it, or None."""
        return joined(sorted(self._data[topic]), stamps, self.max_skew_ns)

    def misfit(self, topics: Sequence[str], stamps: Sequence[int]) -> str:
        """Return which topics have nothing that belongs to these stamps, and how far they are."""
        found = {
            topic: misfit(sorted(self._data[topic]), stamps, self.max_skew_ns) for topic in topics
        }
        return ', '.join(f'{_shown(topic)} {text}' for topic, text in found.items() if text) + (
            f'; max_skew_s is {self.max_skew_ns * 1e-9:g} s'
        )

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


def one_episode(events: Mapping[int, Any], folder: Path) -> dict[int, Any]:
    """Return the events of the one episode that a bag holds, by stamp.

    Those of another episode that had ended before are left out: late subscribers get the last.

    Raises:
        BagError: it holds several episodes, or no event.

    """
    if not events:
        raise BagError(f'{folder}: no message on episode; the task is unknown, leave it out')
    names = {event.episode_id for event in events.values() if event.phase == PHASE_RUNNING}
    if len(names) > 1:
        raise BagError(
            f'{folder} holds {len(names)} episodes in one bag '
            f'({", ".join(sorted(names)[:3])}{", ..." if len(names) > 3 else ""}); '
            'leave it out, or cut it by time into one bag an episode'
        )
    name = names.pop() if names else events[max(events)].episode_id
    return {stamp: event for stamp, event in events.items() if event.episode_id == name}


def _shown(topic: str) -> str:
    """Return a topic as a user calls it: 'camera wrist'."""
    return topic.removesuffix('/image_raw').replace('camera/', 'camera ')
