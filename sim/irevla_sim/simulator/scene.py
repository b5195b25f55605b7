# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What a simulator provides for one task: its scene and its scripted expert."""

from typing import Protocol

import numpy as np

from irevla_sim.simulator.tasks import Task


class Scene(Protocol):
    """One task's simulation. A reset depends only on its seed, not on earlier episodes."""

    task: Task

    def reset(self, seed: int) -> np.ndarray:
        """Reset to the layout of a seed; return the simulator state (n,), for experts."""

    def execute(self, action: np.ndarray) -> tuple[np.ndarray, bool]:
        """Apply an action (7,) of the suite for one decision.

        Returns the simulator state (n,), and whether the task succeeded in this decision.
        """

    def robot(self) -> dict[str, np.ndarray]:
        """Return the measured state of the robot.

        'position' (3,) [m] and 'quaternion' (x, y, z, w) of the hand in the base frame, 'gripper'
        (opening from 0 to 1), 'twist' (6,) [m/s, rad/s], 'joint_position' [rad] and
        'joint_velocity' [rad/s] (7,).
        """

    def render(self, camera: str) -> np.ndarray:
        """Return the upright image of a camera, uint8 (size, size, 3) RGB."""

    def close(self) -> None:
        """Free the renderer; the scene is not used after that."""


class Expert(Protocol):
    """Demonstrates one episode."""

    def act(self, simulator_state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the command with noise and the label without, each an action (7,)."""
