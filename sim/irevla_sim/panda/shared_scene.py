# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The scene's state in shared memory: the physics writes it, cameras and tests read it."""

import os
from pathlib import Path
import time

import numpy as np

from irevla_control.errors import ConfigError
from irevla_control.files import replacement

FOLDER = Path('/dev/shm')
# Default name of a scene.
SCENE = 'panda'
# Fields before the positions: count of writes, time, number of the task and seed of the requested
# arrangement, seed of the last one.
WRITES, TIME, TASK, REQUESTED, ARRANGED, POSITIONS = 0, 1, 2, 3, 4, 5
NOTHING = -1.0
LONGEST_WRITE_S = 1.0


class SharedScene:
    """Joint positions of the whole scene at one instant, and requests to arrange it.

    One process writes, any number read: a reader repeats a read during which a write occurred,
    and opens the new file after a restart of the writer.
    """

    def __init__(self, name: str, positions: int | None = None) -> None:
        """Open the file of another process, or create it for a number of positions.

        Raises:
            FileNotFoundError: the file does not exist yet.

        """
        self.path = FOLDER / f'irevla-{name}'
        self._made, self._opened = positions is not None, -1
        if positions is not None:
            # A new file, because readers of an older one of this name keep it open.
            own = self.path.with_suffix(f'.{os.getpid()}')
            with replacement(self.path, own, durable=False) as new:
                self._values = np.memmap(new, np.float64, 'w+', shape=(POSITIONS + positions,))
                self._values[REQUESTED] = self._values[ARRANGED] = NOTHING
        else:
            self._open()

    def _open(self) -> None:
        """Open the file that has the name now, unless it is already open."""
        found = self.path.stat().st_ino
        if found != self._opened:
            self._values, self._opened = np.memmap(self.path, np.float64, 'r+'), found

    def write(self, time_s: float, positions: np.ndarray) -> None:
        """Write the scene at a simulated time [s]."""
        # The count is odd during a write.
        self._values[WRITES] += 1
        self._values[TIME] = time_s
        self._values[POSITIONS:] = positions
        self._values[WRITES] += 1

    def read(self) -> tuple[float, np.ndarray]:
        """Return the newest simulated time [s] and positions.

        Raises:
            FileNotFoundError: the writer ended and removed the file.
            TimeoutError: the writer ended during a write.

        """
        self._open()
        end = time.monotonic() + LONGEST_WRITE_S
        while time.monotonic() < end:
            before = self._values[WRITES]
            time_s, positions = float(self._values[TIME]), self._values[POSITIONS:].copy()
            if before % 2 == 0 and before == self._values[WRITES]:
                return time_s, positions
        raise TimeoutError(f'{self.path}: the simulated robot ended during a write')

    def ask(self, task: int, seed: int) -> None:
        """Request the arrangement of a task, by its number, and a seed of 0 or more."""
        self._open()
        self._values[ARRANGED] = NOTHING
        self._values[TASK] = task
        self._values[REQUESTED] = seed

    def asked(self) -> tuple[int, int] | None:
        """Return task and seed of a newly requested arrangement, or None."""
        requested = self._values[REQUESTED]
        if requested == NOTHING:
            return None
        self._values[REQUESTED] = NOTHING
        return int(self._values[TASK]), int(requested)

    def answer(self, seed: int) -> None:
        """Report that the arrangement of a seed is done."""
        self._values[ARRANGED] = seed

    @property
    def arranged(self) -> int | None:
        """The seed of the arrangement done since the last `ask`, or None."""
        seed = self._values[ARRANGED]
        return None if seed == NOTHING else int(seed)

    def close(self) -> None:
        """Remove the file, if it was created here."""
        if self._made:
            self.path.unlink(missing_ok=True)


def open_scene(name: str, timeout_s: float) -> SharedScene:
    """Return the scene of a simulated robot that is starting.

    Raises:
        ConfigError: the scene does not appear in time.

    """
    end = time.monotonic() + timeout_s
    while True:
        try:
            return SharedScene(name)
        except FileNotFoundError as error:
            if time.monotonic() > end:
                raise ConfigError(
                    f'no simulated robot named {name!r} within {timeout_s} s; start '
                    'python -m irevla_sim.panda.physics'
                ) from error
            time.sleep(0.05)
