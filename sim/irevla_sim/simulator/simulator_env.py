# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A simulator as a Gymnasium environment with the suite's observations and actions."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import gymnasium
import numpy as np

from irevla_control.errors import BadMessageError, ConfigError
from irevla_control.observation import ACTION_SIZE, STATE_SIZE, action_problem, state_from
from irevla_sim.expert_noise import NOISE_STD
from irevla_sim.simulator.scene import Scene
from irevla_sim.simulator.simulator import Simulator, find_simulator
from irevla_sim.simulator.tasks import Task, find_task

# Defaults of the environment and of its node.
CAMERAS, IMAGE_SIZE = ('front', 'wrist'), 84
# Built scenes are kept for their next episode; one of Meta-World takes 70 MB, and 0.4 s to build
# again, one of the kitchen 30 MB and 0.2 s.
MAX_SCENES = 12


class SimulatorEnv(gymnasium.Env):
    """One or more tasks of a simulator's catalogue, with a sparse reward.

    Observation: a dict of each camera's image, uint8 (size, size, 3) RGB, by its name, and
    'state', float64 (10,). Action: float64 (7,). docs/architecture.md describes both. The reward
    is 1 at the step that reaches success, else 0. Success terminates the episode, immediately or
    after ``linger`` actions; the horizon truncates it.

    `info` has 'task', 'instruction', 'seed' (reproduces the episode), 'success', the result of
    `Scene.robot`, and 'simulator_state' (n,), for experts.
    """

    def __init__(
        self,
        simulator: str,
        tasks: Iterable[str] = (),
        cameras: Iterable[str] = CAMERAS,
        image_size: int = IMAGE_SIZE,
        action_repeat: int | None = None,
        horizon: int | None = None,
        linger: int = 0,
        tasks_file: str = '',
        render_mode: str = 'rgb_array',
        on_state: Callable[[np.ndarray, dict[str, Any]], None] | None = None,
        on_picture: Callable[[str, np.ndarray], None] | None = None,
    ) -> None:
        """Create the environment; a task's scene is built when it is first played.

        Args:
            simulator: name or Python module, see `find_simulator`.
            tasks: tasks from which `reset` draws if its options name none; empty: all tasks.
            cameras: see `Simulator.cameras`; without cameras the environment is faster.
            image_size: height and width of the images [pixels].
            action_repeat: simulator steps for one action; None: the task's, else the simulator's.
            horizon: number of actions after which an episode is truncated; None: the task's,
                else the simulator's.
            linger: number of actions for which an episode continues after success, within the
                horizon, so that its observations show success.
            tasks_file: YAML file with user-defined tasks; empty: none.
            render_mode: only 'rgb_array'.
            on_state: called with 'state' and `info` before the cameras render, so that they can
                be sent meanwhile.
            on_picture: called with a camera's name and image as soon as it is rendered, so that
                it can be sent while the next is rendered.

        Raises:
            ConfigError: an unknown simulator, task or camera, or a number that is not positive.

        """
        self.simulator: Simulator = find_simulator(simulator)
        self._catalogue = self.simulator.load_catalogue([tasks_file] if tasks_file else [])
        self._tasks = [find_task(name, self._catalogue).name for name in tasks]
        self._tasks = self._tasks or list(self._catalogue)
        self._cameras = tuple(cameras)
        for name in self._cameras:
            self.simulator.check_camera(name)
        for name, value in (
            ('image_size', image_size),
            ('action_repeat', action_repeat),
            ('horizon', horizon),
        ):
            if value is not None and value < 1:
                raise ConfigError(f'{name} {value}; at least 1 is needed')
        if linger < 0:
            raise ConfigError(f'linger {linger}; 0 or more is needed')
        self._linger = linger
        self._image_size = image_size
        self._given_repeat, self._given_horizon = action_repeat, horizon
        self.render_mode = render_mode
        self._scenes: dict[str, Scene] = {}
        self._scene: Scene | None = None
        self._running = False
        self._on_state, self._on_picture = on_state, on_picture
        picture = gymnasium.spaces.Box(0, 255, (image_size, image_size, 3), np.uint8)
        self.observation_space = gymnasium.spaces.Dict(
            dict.fromkeys(self._cameras, picture)
            | {'state': gymnasium.spaces.Box(-np.inf, np.inf, (STATE_SIZE,), np.float64)}
        )
        most = max(self._repeat_of(self._catalogue[name]) for name in self._tasks)
        self.metadata = {
            'render_modes': ['rgb_array'],
            'render_fps': max(1, round(1 / (most * self.simulator.step_s))),
        }
        reach = self.simulator.reach_m * most
        self.action_space = gymnasium.spaces.Box(
            np.array([-reach] * 3 + [-np.pi] * 3 + [0.0]),
            np.array([reach] * 3 + [np.pi] * 3 + [1.0]),
            (ACTION_SIZE,),
            np.float64,
        )

    @property
    def catalogue(self) -> Mapping[str, Task]:
        """The tasks that `reset` knows."""
        return self._catalogue

    def reset(
        self,
        *,
        seed: int | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Start an episode; ``options['task']`` names its task.

        Seed and task determine the episode, independent of earlier episodes.

        Raises:
            ConfigError: an unknown task or option.

        """
        super().reset(seed=seed)
        unknown = set(options or {}) - {'task'}
        if unknown:
            raise ConfigError(f'unknown reset option {min(unknown)!r}; "task" is known')
        seed = int(self.np_random.integers(2**31)) if seed is None else seed
        chosen = (options or {}).get('task') or self._tasks[
            np.random.default_rng(seed).integers(len(self._tasks))
        ]
        task = find_task(chosen, self._catalogue)
        # Without a scene of the new task, no step is possible: its lengths are not the old one's.
        self._running = False
        self.action_repeat = self._repeat_of(task)
        self.horizon = self.simulator.horizon_of(task, self._given_horizon)
        scene = self._scene = self._find_scene(task)
        self._start(scene, seed)
        self._decisions = 0
        self._success = False
        self._lingered = 0
        self._running = True
        self._info = {'task': task.name, 'instruction': task.instruction, 'seed': seed}
        return self._observe(scene)

    def step(
        self,
        action: np.ndarray,
    ) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Apply one action for ``action_repeat`` simulator steps.

        Raises:
            BadMessageError: an action of another shape, not finite, or a gripper outside 0 to 1.
            gymnasium.error.ResetNeeded: no episode is running.

        """
        scene = self._scene
        if not self._running or scene is None:
            raise gymnasium.error.ResetNeeded('no episode is running; call reset first')
        problem = action_problem(action)
        if problem:
            raise BadMessageError(problem)
        before = self._success
        self._success |= self._apply(scene, action)
        self._decisions += 1
        self._lingered += before
        terminated = self._success and self._lingered == self._linger
        truncated = not terminated and self._decisions == self.horizon
        self._running = not (terminated or truncated)
        observation, info = self._observe(scene)
        return observation, float(self._success and not before), terminated, truncated, info

    def render(self) -> np.ndarray:
        """Return the present image of the simulator's first camera."""
        if self._scene is None:
            raise gymnasium.error.ResetNeeded('there is no scene to render; call reset first')
        return self._scene.render(self.simulator.cameras[0])

    def close(self) -> None:
        """Free the renderers."""
        for scene in self._scenes.values():
            scene.close()
        self._scenes.clear()
        self._scene = None
        self._running = False

    def _find_scene(self, task: Task) -> Scene:
        # The scene moves to the end, so the first one is the least recently used.
        scene = self._scenes.pop(task.name, None)
        if scene is None:
            if len(self._scenes) == MAX_SCENES:
                self._scenes.pop(next(iter(self._scenes))).close()
            scene = self.simulator.scene(task, self._image_size, self.action_repeat)
        self._scenes[task.name] = scene
        return scene

    def _start(self, scene: Scene, seed: int) -> None:
        """Reset a scene; play the share of the demonstration of this seed that its task asks for.

        If the expert does not succeed within the horizon, the start is the usual one.
        """
        self._simulator_state = scene.reset(seed)
        share = scene.task.expert_share
        if not share:
            return
        played: list[np.ndarray] = []
        expert = self.simulator.expert(scene.task, NOISE_STD.default, seed, self.action_repeat)
        success = False
        while not success and len(played) < self.horizon:
            played.append(expert.act(self._simulator_state)[0])
            success = self._apply(scene, played[-1])
        self._simulator_state = scene.reset(seed)
        for action in played[: int(share * len(played))] if success else ():
            self._apply(scene, action)

    def _apply(self, scene: Scene, action: np.ndarray) -> bool:
        """Apply an action; return whether the task succeeded."""
        self._simulator_state, success = scene.execute(action)
        return success

    def _repeat_of(self, task: Task) -> int:
        return self.simulator.repeat_of(task, self._given_repeat)

    def _observe(self, scene: Scene) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        robot = scene.robot()
        # RobotState has a 32-bit gripper opening; the same rounding keeps both backends equal.
        gripper = float(np.float32(robot['gripper']))
        state = state_from(robot['position'], robot['quaternion'], gripper)
        info = (
            self._info
            | robot
            | {
                'success': self._success,
                'simulator_state': self._simulator_state.copy(),
            }
        )
        if self._on_state is not None:
            self._on_state(state, info)
        observation = {}
        for name in self._cameras:
            observation[name] = scene.render(name)
            if self._on_picture is not None:
                self._on_picture(name, observation[name])
        observation['state'] = state
        return observation, info
