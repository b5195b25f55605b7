# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The backend of Algorithm 1 that launches ROS graphs."""

from collections.abc import Mapping
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

from irevla_bringup.launched_graphs import Graph, run_graphs
from irevla_bringup.robot import ANY_NUMBER, ROBOT_HORIZON
from irevla_control.errors import ConfigError
from irevla_learner.algorithm1.config import Algorithm1Config
from irevla_learner.runs.evaluation import EpisodeResult
from irevla_learner.runs.layouts import first_layout
from irevla_learner.runs.outcome import read_outcome
from irevla_learner.sacfd.config import SACfDConfig
from irevla_policy.frames.bag_frames import load_frames
from irevla_policy.frames.frame_store import FrameStore
from irevla_policy.metrics_log import read_metrics
from irevla_policy.model.config import PolicyConfig
from irevla_policy.settings import write_settings
from irevla_sim.simulator.simulator import simulator_of


@dataclass(frozen=True)
class LaunchFiles:
    """The launch files that record demonstrations, play a policy, and run stage 1."""

    collect: str
    evaluate: str
    learn: str


SIMULATED = LaunchFiles('collect.launch.py', 'sim.launch.py', 'stage1.launch.py')
ON_ROBOT = LaunchFiles('teleop.launch.py', 'robot.launch.py', 'robot.launch.py')
# Arguments of all launch files of the robot that a configuration may give.
ROBOT_ARGUMENTS = (
    *('robot_ip', 'use_fake_hardware', 'scene', 'cameras', 'serials', 'fps', 'operator'),
    *('params_file', 'log_level', 'view', 'view_port'),
)


class RosBackend:
    """Launches graphs of a simulator, several in parallel for evaluation, or of a robot.

    Bags are in the run folder.
    """

    def __init__(self, config: Algorithm1Config, seed: int, workers: int, run: Path) -> None:
        """Prepare graphs for the configuration; ``run`` is the run folder.

        Raises:
            ConfigError: PPO, a classifier's reward in simulation, an environment that is no
                simulator of the suite, or an unknown argument of the robot is configured.

        """
        if not isinstance(config.settings, SACfDConfig):
            raise ConfigError(
                f'algorithm {config.algorithm}: over ROS stage 1 needs sacfd; '
                'use python -m irevla_learner.algorithm1 for ppo'
            )
        if config.classifier and not config.robot:
            raise ConfigError(
                f'classifier {config.classifier}: over ROS the reward is '
                "the environment's; use python -m irevla_learner.algorithm1"
            )
        self._config, self._run = config, run
        # A robot plays one episode at a time.
        self._workers = 1 if config.robot else workers
        self._files = ON_ROBOT if config.robot else SIMULATED
        self._settings = config.settings
        self._first = first_layout(seed, config.evaluation_seed)
        # Launch arguments of every graph.
        self.common = _common_arguments(config)

    def collect(
        self, episodes: Mapping[str, int], folder: Path, arguments: Mapping[str, Any]
    ) -> list[EpisodeResult]:
        """Record this number of demonstrations of each task in ``folder``/worker<i>."""
        return self._run_episodes(
            self._files.collect, folder, episodes, {'seed': self._first, **arguments}
        )

    def evaluate(
        self, checkpoint: Path, episodes: Mapping[str, int], folder: Path
    ) -> list[EpisodeResult]:
        """Play this number of episodes of each task without noise."""
        return self._run_episodes(
            self._files.evaluate,
            folder,
            episodes,
            {'seed': self._config.evaluation_seed, 'checkpoint': checkpoint},
        )

    def _run_episodes(
        self,
        launch_file: str,
        folder: Path,
        episodes: Mapping[str, int],
        arguments: Mapping[str, Any],
    ) -> list[EpisodeResult]:
        title = ' '.join(folder.relative_to(self._run).parts)
        graphs, files = [], []
        for index, part in enumerate(deal(episodes, self._workers)):
            name = f'worker{index}'
            files.append(folder / f'{name}.json')
            graphs.append(
                Graph(
                    launch_file,
                    {
                        'namespace': name,
                        'tasks': ','.join(f'{task}:{n}' for task, n in part.items()),
                        'bags': folder / name,
                        'results': files[-1],
                        **self.common,
                        **arguments,
                    },
                    self._run / 'logs' / f'{title.replace(" ", "-")}-{name}.log',
                )
            )
        run_graphs(graphs, title, sum(episodes.values()), lambda: (len(read_results(files)), ''))
        return [EpisodeResult(**result) for result in read_results(files)]

    def learn(self, task: str, checkpoint: Path, folder: Path) -> None:
        """Run or continue stage 1 with SACfD; its bags are in ``folder``/episodes."""
        settings = folder / 'settings.yaml'
        write_settings(settings, self._settings)
        easier = self._config.curriculum.get(task, {})
        graph = Graph(
            self._files.learn,
            {
                'namespace': 'learning',
                'tasks': task,
                'episodes': ANY_NUMBER,
                'checkpoint': checkpoint,
                'output': folder,
                'settings': settings,
                'seed': self._first,
                'bags': folder / 'episodes',
                'results': folder / 'episodes.json',
                'curriculum': ','.join(f'{name}:{count}' for name, count in easier.items()),
                **({'classifier': self._config.classifier} if self._config.classifier else {}),
                **self.common,
            },
            self._run / 'logs' / f'{folder.name}.log',
        )

        def progress() -> tuple[int, str]:
            rows = read_metrics(folder)
            if not rows:
                return 0, ''
            newest = rows[-1]
            return int(newest['updates']), (
                f'{newest["successes"]} of {newest["episodes"]} episodes solved, lately '
                f'{newest.get("window_success", 0):.2f}'
            )

        run_graphs(
            [graph],
            f'{folder.name} on {task}',
            int(self._settings.env_steps * self._settings.updates_per_decision),
            progress,
            unit='update',
            complete=lambda: read_outcome(folder) is not None,
        )

    def successes(self, folder: Path, policy: PolicyConfig) -> FrameStore | None:
        """Return the newest successes of a stage 1, from its bags."""
        return load_frames(
            [folder / 'episodes'], policy.cameras, policy.image_size, newest=self._config.successes
        )


def _common_arguments(config: Algorithm1Config) -> dict[str, object]:
    """Return the launch arguments of every graph."""
    if config.environment is None:
        return {
            'horizon': config.horizon or ROBOT_HORIZON,
            **{name: _launch_value(name, value) for name, value in config.robot.items()},
        }
    common: dict[str, object] = {
        'simulator': simulator_of(config.environment),
        'horizon': config.horizon or 0,
    }
    if config.tasks_file:
        common['tasks_file'] = config.tasks_file
    return common


def _launch_value(name: str, value: object) -> str:
    """Return the text of an argument of the robot's launch files.

    Raises:
        ConfigError: there is no such argument, or it has no such value.

    """
    if name not in ROBOT_ARGUMENTS:
        raise ConfigError(f'robot has {name}; use some of {", ".join(ROBOT_ARGUMENTS)}')
    if isinstance(value, list):
        return ','.join(map(str, value))
    if isinstance(value, dict) or value is None:
        raise ConfigError(f'robot has {name}: {value!r}; a text, a number or a list is needed')
    return str(value).lower() if isinstance(value, bool) else str(value)


def deal(episodes: Mapping[str, int], workers: int) -> list[dict[str, int]]:
    """Assign tasks to workers, the largest first, each to the worker with fewest episodes."""
    hands: list[dict[str, int]] = [{} for _ in range(min(workers, len(episodes)))]
    for task, count in sorted(episodes.items(), key=lambda item: -item[1]):
        min(hands, key=lambda hand: sum(hand.values()))[task] = count
    return hands


def worker_folders(folder: Path) -> list[Path]:
    """Return the folders of the episodes that `RosBackend.collect` recorded in a folder."""
    return sorted(path for path in folder.iterdir() if path.is_dir())


def read_results(files: list[Path]) -> list[dict]:
    """Return the results that the episode runners have written so far."""
    return [result for file in files if file.exists() for result in json.loads(file.read_text())]
