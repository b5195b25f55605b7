# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Six checks of the arm alone: home, box, tilt, stop, recover, hand."""

import subprocess
import time
from typing import Any

import numpy as np

from irevla_bringup.acceptance.lab import (
    COMMAND_S,
    MODES,
    RESTS,
    SPEED,
    Lab,
    joint_speed_of,
    pose_of,
)
from irevla_bringup.acceptance.protocol import Check, CheckError
from irevla_control.arm.limits import pose_tilt
from irevla_control.arm.pose import Pose
from irevla_msgs.msg import RobotState

# Largest deviation from a required pose [m, rad].
NEAR, NEAR_TURN = 0.02, 0.05
# Size of one command, and the progress within WHILE_S below which a limit is reached [m, rad].
STEP, TURN_STEP, PROGRESS = 0.01, 0.05, 0.002
WHILE_S = 0.8
# The stop program, docs/safety.md.
STOP = ['ros2', 'run', 'irevla_control', 'stop']
STOPS_WITHIN_S = 10.0
# Radius of the circle on which the arm moves without rest before the stop [m].
RADIUS = 0.01
# Longest distance after a stop at this speed [m].
STOPS_IN = 0.03


class ArmChecks:
    """The checks, with a running arm node."""

    def __init__(self, lab: Lab) -> None:
        """Use the topics and services of ``lab``."""
        self._lab = lab

    def checks(self) -> list[Check]:
        """Return the checks in order."""
        slow = f'{SPEED} m/s'
        return [
            Check(
                'home',
                f'The arm moves home at {slow}. Keep one hand on its stop button.',
                self.home,
                'Did it move without jerks or noise, and is this your home pose?',
            ),
            Check(
                'box',
                f'The arm moves to each side of its box and back home at {slow}.',
                self.box,
                'Did it stop each time before the table, the cameras and all else?',
            ),
            Check(
                'tilt',
                'The hand tilts to both sides up to its limit.',
                self.tilt,
                'Did it tilt about the fingertips, and stop before anything touched?',
            ),
            Check(
                'stop',
                'The arm moves on a small circle until the emergency stop brakes it.',
                self.stop,
                'Did it brake at once and stay at rest?',
            ),
            Check(
                'recover',
                'The arm recovers from the stop, which must not move it. Then it moves home.',
                self.recover,
                'Did it rest until the motion home?',
            ),
            Check(
                'hand',
                'The hand closes and opens. Keep the space between the fingers empty.',
                self.hand,
                'Did both fingers close and open?',
            ),
        ]

    def home(self) -> dict[str, Any]:
        """Go home; measure the deviation."""
        self._lab.go_home()
        wanted = self._lab.parameters('home_position')['home_position']
        off = float(np.linalg.norm(self._lab.pose.position - wanted))
        if off > NEAR:
            raise CheckError(f'the arm rests {1e3 * off:.0f} mm from home_position {wanted}')
        return {'off_mm': round(1e3 * off, 1)}

    def box(self) -> dict[str, Any]:
        """Move from home against each side of the box; measure where the arm stops."""
        self._lab.go_home()
        limits = self._lab.parameters('box_low', 'box_high')
        low, high = (np.array(limits[name]) for name in ('box_low', 'box_high'))
        measured = {}
        for axis, name in enumerate('xyz'):
            for sign, side, border in ((1, 'high', high), (-1, 'low', low)):
                delta = np.zeros(3)
                delta[axis] = sign * STEP
                end = self._push(delta, np.zeros(3))[axis]
                beyond = sign * (end - border[axis])
                if beyond > NEAR:
                    raise CheckError(f'the arm is {1e3 * beyond:.0f} mm outside the box in {name}')
                measured[f'{name}_{side}_m'] = round(float(end), 3)
            self._lab.go_home()
        return measured

    def tilt(self) -> dict[str, Any]:
        """Tilt the hand to both limits; measure its angle from straight down."""
        self._lab.go_home()
        most = self._lab.parameters('max_tilt')['max_tilt']
        if most < NEAR_TURN:
            return {'tilt': f'none: parameter max_tilt is {most:g}'}
        measured = {}
        for sign, side in ((1, 'left'), (-1, 'right')):
            self._push(np.zeros(3), np.array([sign * TURN_STEP, 0, 0]))
            angle = float(pose_tilt(self._lab.pose))
            if angle > most + NEAR_TURN:
                raise CheckError(f'the hand tilts by {angle:.2f} rad, max_tilt is {most:g}')
            measured[f'{side}_rad'] = round(angle, 3)
        self._lab.go_home()
        return measured

    def stop(self) -> dict[str, Any]:
        """Stop the arm in motion; measure time and distance to rest."""
        lab = self._lab
        lab.go_home()
        stopping = None
        try:
            end, angle = time.monotonic() + STOPS_WITHIN_S, 0.0
            while lab.arm.mode != RobotState.MODE_STOPPED:
                if time.monotonic() > end:
                    raise CheckError(
                        'the arm does not stop'
                        if stopping
                        else f'the arm does not move; it is {MODES[lab.arm.mode]}'
                    )
                lab.send(SPEED * COMMAND_S * np.array([-np.sin(angle), np.cos(angle), 0]))
                angle += SPEED * COMMAND_S / RADIUS
                if stopping is None and lab.joint_speed > 2 * RESTS:
                    stopping = subprocess.Popen(
                        STOP, stdout=subprocess.PIPE, text=True, stderr=subprocess.STDOUT
                    )
                    end = time.monotonic() + STOPS_WITHIN_S
                if stopping and stopping.poll():
                    break
            said = _output(stopping)
        finally:
            if stopping:
                stopping.kill()
        # The mode changed when the arm stopped.
        assert lab.left is not None
        speed = joint_speed_of(lab.left)
        if speed < RESTS:
            raise CheckError(
                f'the arm was at rest when it was stopped ({speed:.3f} rad/s), so '
                'its brakes were not tested'
            )
        lab.rest()
        rest_s = time.monotonic() - lab.left_at
        distance = np.linalg.norm(lab.pose.position - pose_of(lab.left).position)
        if distance > STOPS_IN:
            raise CheckError(f'the arm moved {1e3 * distance:.0f} mm after the stop')
        return {
            'program': said,
            'rad_s_before': round(speed, 3),
            'rest_ms': round(1e3 * rest_s),
            'way_mm': round(1e3 * float(distance), 1),
        }

    def recover(self) -> dict[str, Any]:
        """Recover from the stop; check that commands do not move an idle arm."""
        lab, there = self._lab, self._lab.pose.position
        lab.recover()
        for _ in range(10):
            lab.send((0, STEP, 0))
        moved = float(np.linalg.norm(lab.pose.position - there))
        if moved > NEAR / 2:
            raise CheckError(f'the arm moved {1e3 * moved:.0f} mm before it was sent home')
        lab.go_home()
        return {'moved_mm': round(1e3 * moved, 1)}

    def hand(self) -> dict[str, Any]:
        """Close and open the hand."""
        if not self._lab.parameters('gripper')['gripper']:
            return {'hand': 'none: parameter gripper is false'}
        self._lab.go_home()
        measured = {}
        for wish, name in ((0.0, 'closed'), (1.0, 'open')):
            end = time.monotonic() + 10
            while abs(self._lab.arm.gripper - wish) > 0.1:
                if time.monotonic() > end:
                    raise CheckError(
                        f'the hand is not {name}: its opening is {self._lab.arm.gripper:.2f}'
                    )
                self._lab.send(gripper=wish)
            measured[f'opening_{name}'] = round(float(self._lab.arm.gripper), 3)
        return measured

    def _push(self, delta: np.ndarray, rotation: np.ndarray) -> np.ndarray:
        """Command one direction until the arm stops; return its position (3,) [m].

        Raises:
            CheckError: the arm did not move at all.

        """
        lab, began, checked = self._lab, self._lab.pose, time.monotonic()
        before = began
        while True:
            lab.send(delta, rotation)
            if time.monotonic() - checked > WHILE_S:
                if _rests(before, lab.pose):
                    break
                before, checked = lab.pose, time.monotonic()
        if _rests(began, lab.pose):
            raise CheckError(
                f'the arm did not move; it is {MODES[lab.arm.mode]}. Is home at a '
                'border of the box?'
            )
        return lab.pose.position


def _rests(before: Pose, now: Pose) -> bool:
    return all(np.linalg.norm(part) < PROGRESS for part in before.to(now))


def _output(stopping: subprocess.Popen | None) -> str:
    """Return the output of the stop program.

    Raises:
        CheckError: the program failed or does not end, or another program stopped the arm.

    """
    if stopping is None:
        raise CheckError('the arm was stopped before the emergency stop was called')
    try:
        said = stopping.communicate(timeout=STOPS_WITHIN_S)[0].strip()
    except subprocess.TimeoutExpired as error:
        raise CheckError(f'{" ".join(STOP)} does not end') from error
    if stopping.returncode:
        raise CheckError(f'{" ".join(STOP)}: {said}')
    return said
