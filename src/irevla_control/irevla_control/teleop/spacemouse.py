# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A SpaceMouse as a source of commands: deltas from its cap, verdicts from its buttons."""

from collections.abc import Callable
from dataclasses import dataclass
import enum
import time

import numpy as np
import pyspacemouse
from scipy.spatial.transform import Rotation

from irevla_control.errors import ConfigError
from irevla_control.parameters.parameter_fields import parameter
from irevla_control.teleop.spacemouse_device import SpaceMouseError

MOVING, TURNING = ('x', 'y', 'z'), ('roll', 'pitch', 'yaw')
# Thresholds of the measured opening for a closed and for an open hand; a hand that holds an object
# is between the two and still counts as closed.
HAND_CLOSED, HAND_OPEN = 0.5, 0.9


class Verdict(enum.Enum):
    """The operator's judgement of an episode."""

    SUCCESS = 'success'
    FAILURE = 'failure'
    DISCARD = 'discard'


@dataclass(frozen=True)
class SpaceMouseSettings:
    """How deflections and presses become commands and verdicts.

    A mouse reports continuously while its cap is deflected. `button_index` says what `buttons` may
    contain.
    """

    step: float = parameter(0.02, 'translation of one command at full deflection [m]', 0.0005, 0.1)
    turn: float = parameter(0.08, 'rotation of one command at full deflection [rad]', 0.001, 0.5)
    dead_zone: float = parameter(
        0.1, 'deflection that counts as zero, as a share of the full one', 0.0, 0.9
    )
    view: float = parameter(
        0.0,
        'direction in which the operator looks, about the vertical: 0 behind the robot, '
        '3.14 in front of it [rad]',
        -6.3,
        6.3,
    )
    released_after_s: float = parameter(
        0.2, 'time without a report after which the cap counts as released [s]', 0.02, 5.0
    )
    hold_s: float = parameter(
        1.0, 'duration of a press of the second button that means failure [s]', 0.1, 10.0
    )
    buttons: tuple[str, ...] = parameter(
        ('0', '1'),
        'buttons of gripper and verdict: each a name of pyspacemouse, or the bit that '
        'the button sets',
    )

    def __post_init__(self) -> None:
        """Raise ConfigError for an invalid dead zone, or other than two buttons."""
        if len(self.buttons) != 2:
            raise ConfigError(
                f'parameter buttons is {list(self.buttons)}; two are needed, for '
                'the gripper and for verdicts'
            )
        if not 0 <= self.dead_zone < 1:
            raise ConfigError(f'dead_zone is {self.dead_zone}; 0 to below 1 is needed')


def button_index(info: pyspacemouse.DeviceInfo, button: str) -> int:
    """Return the index of a model's button, given by its name or number.

    The number is the bit that the button sets in a report. Bits 0 and 1 are left and right on a
    mouse with two buttons (through a receiver they have other names), MENU and FIT on larger
    models, and buttons 1 and 2 on the oldest.

    Raises:
        ConfigError: the model has no such button.

    """
    numbers = [8 * (spec.byte - 1) + spec.bit for spec in info.button_specs]
    if button in info.button_names:
        return info.button_names.index(button)
    if button.isdecimal() and int(button) in numbers:
        return numbers.index(int(button))
    known = ', '.join(
        f'{name} ({number})' for number, name in sorted(zip(numbers, info.button_names))
    )
    raise ConfigError(f'parameter buttons has {button!r}; {info.name} has {known}')


class SpaceMouse:
    """Reads reports; returns the current command, and each verdict once.

    First button: toggles the gripper. Second button: success, or failure after a long press. Both
    at once: discard.

    Attributes:
        closed: the commanded state of the hand.
        buttons: pyspacemouse's names of the first and the second button.

    """

    def __init__(
        self,
        device: pyspacemouse.SpaceMouseDevice,
        settings: SpaceMouseSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read from an opened device; ``clock`` returns steady seconds.

        Raises:
            SpaceMouseError: the device has fewer than two buttons.
            ConfigError: the device does not have the buttons of the settings.

        """
        if len(device.info.button_specs) < 2:
            raise SpaceMouseError(
                f'{device.name} has {len(device.info.button_specs)} buttons; '
                'two are needed, for the gripper and for verdicts'
            )
        self._buttons = [button_index(device.info, button) for button in settings.buttons]
        if len(set(self._buttons)) < 2:
            raise ConfigError(
                f'parameter buttons is {list(settings.buttons)}, twice the same '
                'button; give two different ones'
            )
        self.buttons = tuple(device.get_button_name(index) for index in self._buttons)
        device.configure(dof_callback=self._on_axes)
        self._device, self._settings, self._clock = device, settings, clock
        self._view = Rotation.from_rotvec([0, 0, settings.view])
        self._state: pyspacemouse.SpaceMouseState | None = None
        self._read_s, self._last_report_s = -1.0, float('-inf')
        self._pressed = (False, False)
        self._since, self._both = 0.0, False
        self._verdicts: list[Verdict] = []
        self.closed = False
        self._gripper_pending = False

    def update(self) -> None:
        """Process all queued reports.

        Raises:
            SpaceMouseError: the device was unplugged.

        """
        while True:
            try:
                state = self._device.read()
            except (RuntimeError, OSError, pyspacemouse.device.HIDException) as error:
                raise SpaceMouseError(f'the SpaceMouse was unplugged: {error}') from error
            if state.t == self._read_s:
                return
            self._state, self._read_s = state, state.t
            self._on_buttons(*(bool(state.buttons[index]) for index in self._buttons))

    def _on_axes(self, state: pyspacemouse.SpaceMouseState) -> None:
        # Reports of buttons do not show whether the cap is still deflected.
        self._last_report_s = self._clock()

    def _on_buttons(self, first: bool, second: bool) -> None:
        before, self._pressed = self._pressed, (first, second)
        now = self._clock()
        if first and second:
            if not self._both:
                self._verdicts.append(Verdict.DISCARD)
            self._both = True
        elif second and not before[1]:
            self._since = now
        # A button acts on release, so that both can be pressed together.
        elif before == (True, False) and not self._both:
            self.closed = not self.closed
            self._gripper_pending = True
        elif before == (False, True) and not self._both:
            long_press = now - self._since >= self._settings.hold_s
            self._verdicts.append(Verdict.FAILURE if long_press else Verdict.SUCCESS)
        if not (first or second):
            self._both = False

    def verdicts(self) -> list[Verdict]:
        """Return the verdicts since the last call."""
        verdicts, self._verdicts = self._verdicts, []
        return verdicts

    def command(self) -> np.ndarray | None:
        """Return the action (7,), see `observation`, or None while the operator gives no input."""
        now, settings = self._clock(), self._settings
        if self._state is None:
            return None
        moving, turning = (
            self._live([getattr(self._state, axis) for axis in axes]) for axes in (MOVING, TURNING)
        )
        if now - self._last_report_s > settings.released_after_s:
            moving, turning = np.zeros(3), np.zeros(3)
        if not (moving.any() or turning.any() or self._gripper_pending):
            return None
        return np.concatenate(
            [
                self._view.apply(moving) * settings.step,
                self._view.apply(turning) * settings.turn,
                [0.0 if self.closed else 1.0],
            ]
        )

    def take_press(self) -> bool:
        """Clear a pending gripper press after its command was executed; return whether any."""
        pressed, self._gripper_pending = self._gripper_pending, False
        return pressed

    def discard_press(self) -> None:
        """Discard a pending press of the gripper button."""
        self._gripper_pending = False

    def follow_hand(self, opening: float) -> None:
        """Set `closed` from the measured opening (0 to 1), unless a press is pending."""
        if not self._gripper_pending:
            self.closed = opening < (HAND_OPEN if self.closed else HAND_CLOSED)

    def _live(self, deflection: list[float]) -> np.ndarray:
        """Return deflections with the dead zone removed, scaled back to the full range."""
        values = np.clip(deflection, -1, 1)
        beyond = np.maximum(np.abs(values) - self._settings.dead_zone, 0)
        return np.sign(values) * beyond / (1 - self._settings.dead_zone)
