# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Episodes of latents on disk: each latent is stored once, n-step transitions are drawn.

With chunks of actions a step of a transition is a row: an observation with a latent, and the
actions from it to the next one.

A folder contains `latents.bin` (float16), `rows.bin` (all other values of an observation) and
`replay.json`, the list of episodes. It is replaced after each episode, so an episode that was
cut off by a kill is not in it.
"""

from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

import numpy as np

from irevla_control.errors import ConfigError
from irevla_control.files import sync
from irevla_learner.json_file import write_json
from irevla_learner.replay.disk_array import disk_array
from irevla_learner.replay.latent_episode import LatentEpisode
from irevla_learner.replay.replay_rows import DEMONSTRATION, TERMINATED, row_type, rows_of

STATE = 'replay.json'
FORMAT = 1


@dataclass(frozen=True)
class Transitions:
    """N-step transitions of a batch.

    Attributes:
        rows: int64 (B,), rows of the first observations.
        next_rows: int64 (B,), rows of the observations after n steps.
        rewards: float32 (B,), discounted sum of the rewards between.
        discounts: float32 (B,), discount of the value at next_rows; zero if the task ended.

    """

    rows: np.ndarray
    next_rows: np.ndarray
    rewards: np.ndarray
    discounts: np.ndarray


class LatentReplay:
    """The newest episodes that fit into a number of rows; the oldest are dropped.

    The next observation with a latent is the next row, so nothing is stored twice. A row has the
    executed actions from its observation on, at most k, up to an observation with a latent or the
    end: where a person acts within a chunk of the policy, the person's command is part of it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        backbone_hash: str,
        tokens: int,
        width: int,
        state_size: int,
        action_size: int,
        capacity: int,
        chunk_size: int = 1,
    ) -> None:
        """Open the folder, or create it.

        Args:
            folder: folder of this replay only.
            backbone_hash: hash of the model that computes the latents.
            tokens: m of a latent; shorter ones are padded with zeros.
            width: d of a latent.
            state_size: p.
            action_size: a.
            capacity: number of observations with a latent.
            chunk_size: k, largest number of actions from one latent to the next.

        Raises:
            ConfigError: the folder's replay is of another model or shape, or truncated, or the
                disk is full.

        """
        self._folder = Path(folder)
        self._identity = {
            'format': FORMAT,
            'backbone_hash': backbone_hash,
            'tokens': tokens,
            'width': width,
            'state_size': state_size,
            'action_size': action_size,
            'capacity': capacity,
        }
        self.chunk_size, self._action_size = chunk_size, action_size
        if chunk_size > 1:
            # Else left out, so that replays from before this setting stay valid.
            self._identity['chunk_size'] = chunk_size
        self._folder.mkdir(parents=True, exist_ok=True)
        state = self._read_state()
        self._episodes: list[list[int]] = state['episodes']
        self._next = state['next']
        for name in ('latents.bin', 'rows.bin') if self._episodes else ():
            if not (self._folder / name).exists():
                raise ConfigError(
                    f'{self._folder / name} is missing, but {STATE} lists '
                    'episodes; copy the folder again, or choose another'
                )
        self.latents = disk_array(
            self._folder / 'latents.bin', np.dtype(np.float16), (capacity, tokens, width)
        )
        self._rows = disk_array(
            self._folder / 'rows.bin',
            row_type(state_size, action_size, chunk_size),
            (capacity,),
        )
        # In memory, by row, for sampling.
        self._last = np.full(capacity, -1)
        self._closed = np.zeros(capacity, bool)
        self._read_rows()

    def _read_state(self) -> dict[str, Any]:
        path = self._folder / STATE
        if not path.exists():
            for name in ('latents.bin', 'rows.bin'):
                (self._folder / name).unlink(missing_ok=True)
            return {'episodes': [], 'next': 0}
        try:
            state = json.loads(path.read_text())
            if not (isinstance(state['episodes'], list) and isinstance(state['next'], int)):
                raise ValueError('its episodes are no list')
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f'{path} is no state of a replay ({error!r}); choose another folder'
            ) from error
        differing = [
            f'{name} {state.get(name)!r} there, {value!r} asked'
            for name, value in self._identity.items()
            if state.get(name) != value
        ]
        if differing:
            raise ConfigError(
                f'replay {self._folder} differs: {"; ".join(differing)}; encode '
                'its episodes again, or choose another folder'
            )
        return state

    def _read_rows(self) -> None:
        self._rewards = np.array(self._rows['reward'])
        self._flags = np.array(self._rows['flags'])
        # Number of actions of a row, and of rows to that of the observation after them.
        self._length, self._following = (
            np.array(self._rows[name], int) if self.chunk_size > 1 else np.ones(self.capacity, int)
            for name in ('length', 'following')
        )
        for start, stop, actions in self._episodes:
            self._index(start, stop, actions)

    def _index(self, start: int, stop: int, actions: int) -> None:
        self._last[start:stop] = -1
        self._last[start : start + actions] = start + actions - 1
        self._closed[start:stop] = stop - start == actions

    def __len__(self) -> int:
        """Return the number of rows with actions."""
        return int((self._last >= 0).sum())

    @property
    def episodes(self) -> int:
        """Number of episodes."""
        return len(self._episodes)

    @property
    def capacity(self) -> int:
        """Number of rows."""
        return len(self._rows)

    @property
    def spans(self) -> list[slice]:
        """Rows of each episode, oldest first."""
        return [slice(start, stop) for start, stop, _ in self._episodes]

    @property
    def folder(self) -> Path:
        """Folder of the replay."""
        return self._folder

    def content(self, span: slice) -> bytes:
        """Return the contents of these rows without their latents."""
        return self._rows[span].tobytes()

    def proprioception(self, rows: Any) -> np.ndarray:
        """Return the normalised states of these rows."""
        return self._rows['proprioception'][rows]

    def actions(self, rows: Any) -> np.ndarray:
        """Return the executed actions of these rows, normalised: flat, filled with zeros."""
        return self._rows['action'][rows]

    def executed(self, rows: np.ndarray) -> np.ndarray | None:
        """Return which of `actions` are of executed actions, bool; None: all."""
        if self.chunk_size == 1:
            return None
        inside = np.arange(self.chunk_size) < self._length[rows, None]
        return inside.repeat(self._action_size, 1)

    def versions(self, rows: Any) -> np.ndarray:
        """Return the version of the head that acted."""
        return self._rows['version'][rows]

    def stamps(self, rows: Any) -> np.ndarray:
        """Return the stamps of the observations [ns]; 0 for an episode's last."""
        return self._rows['stamp'][rows]

    def add(self, episode: LatentEpisode, demonstration: bool = False) -> slice:
        """Write an episode to disk; return its rows.

        All actions of a demonstration count as demonstrations, and human commands of any
        episode.

        Raises:
            ConfigError: it is longer than the replay, or its arrays have other sizes.

        """
        actions, rows = len(episode.passes), len(episode.latents)
        capacity, tokens, width = self.latents.shape
        if rows > capacity:
            raise ConfigError(
                f'episode of {rows} observations for a replay of {capacity}; raise its capacity'
            )
        found_tokens, found_width = episode.latents.shape[1:]
        if found_width != width:
            raise ConfigError(
                f'episode with tokens of width {found_width} for a replay of {width}; one replay '
                'is for one model'
            )
        if found_tokens > tokens:
            raise ConfigError(
                f'episode with latents of {found_tokens} tokens for the replay {self._folder} of '
                f'{tokens}, the number of its first episode: the instruction is longer; give all '
                'episodes and demonstrations of a stage 1 the same instruction, and begin in a '
                'new folder'
            )
        row = rows_of(episode, self._rows.dtype, self.chunk_size, demonstration)
        start = self._next
        if start + rows > capacity:
            # The episodes in these last rows are the oldest.
            self._make_room(slice(start, capacity))
            start = 0
        span = slice(start, start + rows)
        self._make_room(span)
        self.latents[span, :found_tokens] = episode.latents
        self.latents[span, found_tokens:] = 0
        self._rows[span] = row
        self._rewards[span], self._flags[span] = row['reward'], row['flags']
        if self.chunk_size > 1:
            self._length[span], self._following[span] = row['length'], row['following']
        self._episodes.append([start, start + rows, actions])
        self._index(start, start + rows, actions)
        self._next = start + rows
        self._commit()
        return span

    def _make_room(self, span: slice) -> None:
        kept = []
        for start, stop, actions in self._episodes:
            if start < span.stop and span.start < stop:
                self._last[start:stop] = -1
            else:
                kept.append([start, stop, actions])
        if len(kept) < len(self._episodes):
            self._episodes = kept
            # Written before the rows change: if killed between, no episode is a mixture.
            self._write_state()

    def _commit(self) -> None:
        for array, name in ((self.latents, 'latents.bin'), (self._rows, 'rows.bin')):
            array.flush()
            sync(self._folder / name)
        self._write_state()

    def _write_state(self) -> None:
        write_json(
            self._folder / STATE, self._identity | {'episodes': self._episodes, 'next': self._next}
        )

    def usable(self, steps: int, demonstrations: bool | None = None) -> np.ndarray:
        """Return the rows at which transitions may start: all, or of one kind only."""
        rows = np.flatnonzero(self._last >= 0)
        last = self._last[rows]
        ended = (self._flags[last] & TERMINATED) > 0
        reached = rows
        for _ in range(steps):
            reached = self._next_rows(reached, last)
        rows = rows[~((reached > last) & ~ended & self._closed[rows])]
        if demonstrations is None:
            return rows
        return rows[((self._flags[rows] & DEMONSTRATION) > 0) == demonstrations]

    def transitions(self, rows: np.ndarray, steps: int, discount: float) -> Transitions:
        """Return the transitions of ``steps`` rows, with all their actions, from these rows on."""
        last = self._last[rows]
        within = (discount ** np.arange(self.chunk_size)).astype(np.float32)
        rewards, elapsed = np.zeros(len(rows), np.float32), np.zeros(len(rows), int)
        reached = rows
        for _ in range(steps):
            inside, at = reached <= last, np.minimum(reached, last)
            before = (discount**elapsed).astype(np.float32)
            rewards += np.where(inside, before * (self._rewards[at] @ within), 0)
            elapsed += np.where(inside, self._length[at], 0)
            reached = self._next_rows(reached, last)
        over = (reached > last) & ((self._flags[last] & TERMINATED) > 0)
        discounts = np.where(over, 0, discount**elapsed).astype(np.float32)
        # After the end of a task the next row does not matter, because its discount is zero.
        return Transitions(rows, np.where(over, rows, reached), rewards, discounts)

    def _next_rows(self, rows: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Return the rows of the next observations; behind the last action none follow."""
        return rows + np.where(rows <= last, self._following[np.minimum(rows, last)], 0)
