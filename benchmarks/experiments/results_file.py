# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A JSON file of results that several processes add to."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
import json
from pathlib import Path
from typing import Any

from irevla_control.files import Lock
from irevla_learner.json_file import write_json


class ResultsFile:
    """Parts by name; what the file has is not run again, on any machine."""

    def __init__(
        self,
        path: Path,
        parts: tuple[str, ...],
        written: Callable[[Mapping[str, Any]], None] = lambda _: None,
    ) -> None:
        """Use this file; ``written`` is called with its content after each change."""
        self._path, self._parts, self._written = path, parts, written

    def read(self) -> dict[str, Any]:
        """Return the content; parts that the file does not have are empty."""
        content = json.loads(self._path.read_text()) if self._path.exists() else {}
        return {part: {} for part in self._parts} | content

    def has(self, part: str, name: str, seed: int) -> bool:
        """Return whether a part contains this method, variant, curve or task for a seed."""
        return str(seed) in self.read()[part].get(name, {})

    @contextmanager
    def changed(self) -> Iterator[dict[str, Any]]:
        """Yield the content to change; write it."""
        # Seeds may run in parallel processes; the folder is locked, because the file is replaced.
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with Lock(self._path.parent, is_folder=True, wait=True):
            content = self.read()
            yield content
            write_json(self._path, content)
            self._written(content)
