# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Observations and actions as arrays, and the joining of an observation from its parts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ACTION_SIZE = 7
STATE_SIZE = 10
# What poses and commands are given in.
BASE_FRAME = 'base'


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

    With ``max_skew_s`` 0 all parts carry one stamp (simulators). Otherwise the first camera gives
    the stamp and the newest other parts within the skew join it (real sensors).
    """

    def __init__(self, cameras: Sequence[str], max_skew_s: float = 0.0) -> None:
        """Expect these cameras, the first of them leading, and a state."""
        if not cameras:
            raise ValueError('an observation needs at least one camera')
        self._lead = cameras[0]
        self._parts = (*cameras, 'state')
        self._max_skew_ns = round(max_skew_s * 1e9)
        self._newest: dict[str, tuple[int, np.ndarray]] = {}
        self._last_stamp = -1

    def clear(self) -> None:
        """Forget everything, as at the start of an episode."""
        self._newest.clear()
        self._last_stamp = -1

    def add(self, part: str, stamp: int, value: np.ndarray) -> Observation | None:
        """Add an image (part is the camera's name) or the state (part is 'state').

        Returns the observation when this completes a new one, else None.
        """
        if part not in self._parts:
            raise ValueError(f'unknown part {part!r}; expected one of {self._parts}')
        self._newest[part] = (stamp, value)
        if len(self._newest) < len(self._parts):
            return None
        lead = self._newest[self._lead][0]
        # Only a repeat is old: an environment that starts anew may set its clock back.
        if lead == self._last_stamp or any(
                abs(other - lead) > self._max_skew_ns for other, _ in self._newest.values()):
            return None
        self._last_stamp = lead
        values = {name: value for name, (_, value) in self._newest.items()}
        state = values.pop('state')
        return Observation(lead, values, state)

    def missing(self) -> list[str]:
        """Return the parts that never came."""
        return [part for part in self._parts if part not in self._newest]
