# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Observations and actions as arrays, and the joining of an observation from its parts."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ACTION_SIZE = 7
STATE_SIZE = 10
# What poses and commands are given in.
BASE_FRAME = 'base'
# Newest of each part that are kept for a camera that tells late: 0.3 s of a state at 200 Hz.
KEPT = 64


@dataclass(frozen=True)
class Observation:
    """What the policy sees at one stamp.

    Attributes:
        stamp: nanoseconds; identifies the observation everywhere.
        images: camera name to uint8 (height, width, 3) RGB.
        state: float64 (10,), see `rotation_to_columns` for its middle part.

    """

    stamp: int
    images: dict[str, np.ndarray]
    state: np.ndarray


def action_problem(action: np.ndarray) -> str:
    """Return what is wrong with an action, or '' when it can be executed."""
    if np.shape(action) != (ACTION_SIZE,):
        return f'action of shape {np.shape(action)}; ({ACTION_SIZE},) is needed'
    if not np.isfinite(action).all():
        return f'action {action} is not finite'
    if not 0 <= action[6] <= 1:
        return f'gripper opening {action[6]}; 0 (closed) to 1 (open) is needed'
    return ''


def rotation_to_columns(quaternion: np.ndarray) -> np.ndarray:
    """Return the first two columns (6,) of the rotation matrix of an (x, y, z, w) quaternion.

    Unlike Euler angles and rotation vectors they have no jump anywhere, and q and -q agree.
    """
    x, y, z, w = quaternion / np.linalg.norm(quaternion)
    return np.array([1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w),
                     2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)])


class ObservationBuffer:
    """Joins the newest complete observation from images and states that come one by one.

    The first camera gives the stamp, and each other part joins it that is the newest up to that
    stamp, if it is not older by more than ``max_skew_s``. With 0 all parts carry one stamp
    (simulators). Nothing from after the stamp joins, so that a bag tells the same (`bags.reader`).
    """

    def __init__(self, cameras: Sequence[str], max_skew_s: float = 0.0) -> None:
        """Expect these cameras, the first of them leading, and a state."""
        if not cameras:
            raise ValueError('an observation needs at least one camera')
        self._lead = cameras[0]
        self._parts = (*cameras, 'state')
        self._max_skew_ns = round(max_skew_s * 1e9)
        self._kept: dict[str, deque[tuple[int, np.ndarray]]] = {
            part: deque(maxlen=KEPT) for part in self._parts}
        self._last_stamp = -1

    def clear(self) -> None:
        """Forget everything, as at the start of an episode."""
        for kept in self._kept.values():
            kept.clear()
        self._last_stamp = -1

    def add(self, part: str, stamp: int, value: np.ndarray) -> Observation | None:
        """Add an image (part is the camera's name) or the state (part is 'state').

        Returns the observation when this completes a new one, else None.
        """
        if part not in self._parts:
            raise ValueError(f'unknown part {part!r}; expected one of {self._parts}')
        kept = self._kept[part]
        if kept and stamp < kept[-1][0]:
            # An environment that starts anew may set its clock back.
            kept.clear()
        kept.append((stamp, value))
        lead = self._kept[self._lead][-1][0] if self._kept[self._lead] else self._last_stamp
        if lead == self._last_stamp:
            return None
        values = {}
        for name, kept in self._kept.items():
            found = next((one for one in reversed(kept) if one[0] <= lead), None)
            if found is None or lead - found[0] > self._max_skew_ns:
                return None
            values[name] = found[1]
        self._last_stamp = lead
        state = values.pop('state')
        return Observation(lead, values, state)

    def missing(self) -> list[str]:
        """Return the parts that never came."""
        return [part for part, kept in self._kept.items() if not kept]
