# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A SpaceMouse as a commander: deltas while its cap is held, and what its buttons say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import enum
import time

import numpy as np
import pyspacemouse
from scipy.spatial.transform import Rotation

from irevla_control.errors import ConfigError
from irevla_control.teleop.spacemouse_device import SpaceMouseError

MOVING, TURNING = ('x', 'y', 'z'), ('roll', 'pitch', 'yaw')
# Measured opening of a hand that has closed, and of one that has opened: a hand on a thing stands
# between the two, and is still closed.
HAND_CLOSED, HAND_OPEN = 0.5, 0.9


class Verdict(enum.Enum):
    """What the operator says of the episode."""

    SUCCESS = 'success'
    FAILURE = 'failure'
    DISCARD = 'discard'


@dataclass(frozen=True)
class SpaceMouseSettings:
    """How the cap's deflection becomes a command.

    Attributes:
        step: translation of one command at full deflection [m].
        turn: rotation of one command at full deflection [rad].
        dead_zone: deflection that is none, as a share of the full.
        view: angle [rad] about the vertical from the base frame's x axis to where the operator
            looks: 0 behind the robot, pi in front of it.
        released_after_s: age of a report after which the cap counts as released: a mouse reports
            all the time while it is held, so silence means that it is gone.
        hold_s: press of the second button that says failure; a shorter one says success.
        buttons: names or numbers of the first and the second button, see `button_index`.

    """

    step: float = 0.02
    turn: float = 0.08
    dead_zone: float = 0.1
    view: float = 0.0
    released_after_s: float = 0.2
    hold_s: float = 1.0
    buttons: Sequence[str] = ('0', '1')

    def __post_init__(self) -> None:
        """Raise ConfigError for a dead zone that leaves nothing, or other than two buttons."""
        if len(self.buttons) != 2:
            raise ConfigError(f'parameter buttons is {list(self.buttons)}; two are needed, for '
                              'the gripper and for verdicts')
        if not 0 <= self.dead_zone < 1:
            raise ConfigError(f'dead_zone is {self.dead_zone}; 0 to below 1 is needed')


def button_index(info: pyspacemouse.DeviceInfo, wanted: str) -> int:
    """Return the place among a model's buttons of one by its name, or by its number.

    The number is the bit that it sets in the mouse's report. 0 and 1 are left and right where a
    mouse has two buttons, also behind a receiver, which gives their bits other names; MENU and
    FIT, which lie there on the larger models; 1 and 2 on the oldest.

    Raises:
        ConfigError: the model has no such button.

    """
    numbers = [8 * (spec.byte - 1) + spec.bit for spec in info.button_specs]
    if wanted in info.button_names:
        return info.button_names.index(wanted)
    if wanted.isdecimal() and int(wanted) in numbers:
        return numbers.index(int(wanted))
    known = ', '.join(f'{name} ({number})' for number, name in sorted(
        zip(numbers, info.button_names)))
    raise ConfigError(f'parameter buttons has {wanted!r}; {info.name} has {known}')


class SpaceMouse:
    """Reads reports; tells the command of this moment and each verdict once.

    First button: gripper, open to closed and back. Second button: success, held for a while
    failure. Both at once: discard.

    Attributes:
        closed: whether the hand shall be.
        buttons: pyspacemouse's names of the first and the second button.

    """

    def __init__(self, device: pyspacemouse.SpaceMouseDevice, settings: SpaceMouseSettings,
                 clock: Callable[[], float] = time.monotonic) -> None:
        """Read from an opened device; ``clock`` returns steady seconds.

        Raises:
            SpaceMouseError: it has no two buttons.
            ConfigError: it has others than the settings name.

        """
        if len(device.info.button_specs) < 2:
            raise SpaceMouseError(f'{device.name} has {len(device.info.button_specs)} buttons; '
                                  'two are needed, for the gripper and for verdicts')
        self._buttons = [button_index(device.info, wanted) for wanted in settings.buttons]
        if len(set(self._buttons)) < 2:
            raise ConfigError(f'parameter buttons is {list(settings.buttons)}, twice the same; '
                              'name two')
        self.buttons = tuple(device.get_button_name(index) for index in self._buttons)
        device.configure(dof_callback=self._on_axes)
        self._device, self._settings, self._clock = device, settings, clock
        self._view = Rotation.from_rotvec([0, 0, settings.view])
        self._state: pyspacemouse.SpaceMouseState | None = None
        self._seen, self._heard = -1.0, float('-inf')
        self._pressed = (False, False)
        self._since, self._both = 0.0, False
        self._verdicts: list[Verdict] = []
        self.closed = False
        self._gripper_pending = False

    def update(self) -> None:
        """Take in all reports that are waiting.

        Raises:
            SpaceMouseError: the device is gone.

        """
        while True:
            try:
                state = self._device.read()
            except (RuntimeError, OSError, pyspacemouse.device.HIDException) as error:
                raise SpaceMouseError(f'the SpaceMouse was unplugged: {error}') from error
            if state.t == self._seen:
                return
            self._state, self._seen = state, state.t
            self._on_buttons(*(bool(state.buttons[index]) for index in self._buttons))

    def _on_axes(self, state: pyspacemouse.SpaceMouseState) -> None:
        # A button tells nothing of whether the cap is still held.
        self._heard = self._clock()

    def _on_buttons(self, first: bool, second: bool) -> None:
        before, self._pressed = self._pressed, (first, second)
        now = self._clock()
        if first and second:
            if not self._both:
                self._verdicts.append(Verdict.DISCARD)
            self._both = True
        elif second and not before[1]:
            self._since = now
        # What was pressed acts when it is let go, or both could never be pressed.
        elif before == (True, False) and not self._both:
            self.closed = not self.closed
            self._gripper_pending = True
        elif before == (False, True) and not self._both:
            held = now - self._since >= self._settings.hold_s
            self._verdicts.append(Verdict.FAILURE if held else Verdict.SUCCESS)
        if not (first or second):
            self._both = False

    def verdicts(self) -> list[Verdict]:
        """Return what was said since the last call."""
        said, self._verdicts = self._verdicts, []
        return said

    def command(self) -> np.ndarray | None:
        """Return the action (7,), see `observation`, or None while the operator does nothing."""
        now, settings = self._clock(), self._settings
        if self._state is None:
            return None
        moving, turning = (self._live([getattr(self._state, axis) for axis in axes])
                           for axes in (MOVING, TURNING))
        if now - self._heard > settings.released_after_s:
            moving, turning = np.zeros(3), np.zeros(3)
        if not (moving.any() or turning.any() or self._gripper_pending):
            return None
        return np.concatenate([self._view.apply(moving) * settings.step,
                               self._view.apply(turning) * settings.turn,
                               [0.0 if self.closed else 1.0]])

    def sent(self) -> bool:
        """Note that the last command was executed; return whether a press went with it."""
        pressed, self._gripper_pending = self._gripper_pending, False
        return pressed

    def forget_press(self) -> None:
        """Drop a press of the gripper that no command took along."""
        self._gripper_pending = False

    def follow_hand(self, opening: float) -> None:
        """Wish what the hand does, by its measured opening (0 to 1), unless a press waits."""
        if not self._gripper_pending:
            self.closed = opening < (HAND_OPEN if self.closed else HAND_CLOSED)

    def _live(self, deflection: list[float]) -> np.ndarray:
        """Return deflections without the dead zone, the rest stretched to the full range."""
        values = np.clip(deflection, -1, 1)
        beyond = np.maximum(np.abs(values) - self._settings.dead_zone, 0)
        return np.sign(values) * beyond / (1 - self._settings.dead_zone)
