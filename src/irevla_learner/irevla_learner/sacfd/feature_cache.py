# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The critics' features of a replay's observations, computed once and stored beside it.

With the cache, a restarted learner need not read all latents again, which can take minutes.
"""

import json
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from irevla_control.files import sync
from irevla_learner.json_file import write_json
from irevla_learner.replay.disk_array import disk_array
from irevla_learner.replay.latent_replay import LatentReplay

ROWS, STATE = 'features.bin', 'features.json'


class FeatureCache:
    """Features float32 (capacity, size) of a replay's rows, and which rows are computed."""

    def __init__(self, replay: LatentReplay, size: int, digest: str) -> None:
        """Open the cache in the replay's folder; replace one of another model or size.

        Args:
            replay: replay with the rows.
            size: number of features of a row.
            digest: hash of the modules that compute the features.

        Raises:
            ConfigError: the disk is full.

        """
        self._replay, self._folder = replay, replay.folder
        self._identity: dict[str, Any] = {
            'digest': digest,
            'size': size,
            'capacity': replay.capacity,
        }
        state = self._read_state()
        if state.get('identity') != self._identity:
            for name in (STATE, ROWS):
                (self._folder / name).unlink(missing_ok=True)
            state = {}
        self.rows = disk_array(self._folder / ROWS, np.dtype(np.float32), (replay.capacity, size))
        self._computed: dict[str, int] = state.get('computed', {})

    def _read_state(self) -> dict:
        path: Path = self._folder / STATE
        try:
            state = json.loads(path.read_text())
        except (OSError, ValueError):
            return {}
        path = self._folder / ROWS
        size = 4 * self._identity['size'] * self._identity['capacity']
        whole = path.exists() and path.stat().st_size == size
        return state if isinstance(state, dict) and whole else {}

    def missing(self) -> list[slice]:
        """Return the replay's spans without features of their current rows."""
        return [
            span
            for span in self._replay.spans
            if self._computed.get(_name(span)) != self._checksum(span)
        ]

    def commit(self, span: slice) -> None:
        """Write a span's features from `rows` to disk, and record that they are computed."""
        self.rows.flush()
        sync(self._folder / ROWS)
        kept = {_name(one) for one in self._replay.spans}
        self._computed = {
            name: checksum for name, checksum in self._computed.items() if name in kept
        } | {_name(span): self._checksum(span)}
        write_json(self._folder / STATE, {'identity': self._identity, 'computed': self._computed})

    def _checksum(self, span: slice) -> int:
        return crc32(self._replay.content(span))


def _name(span: slice) -> str:
    return f'{span.start}-{span.stop}'
