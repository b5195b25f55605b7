# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The configuration of Algorithm 1; `config/algorithm1.yaml` explains it."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal

from irevla_control.episodes.curriculum import Curriculum
from irevla_control.errors import ConfigError
from irevla_control.task_name import check_task_name
from irevla_learner.classifier.success_classifier import classifier_digest
from irevla_learner.ppo.config import PPOConfig
from irevla_learner.runs.layouts import PER_RUN
from irevla_learner.runs.task_groups import EpisodeCounts, Tasks
from irevla_learner.sacfd.config import SACfDConfig
from irevla_policy.frames.bag_frames import recordings_digest
from irevla_policy.settings import SettingError, Settings, plain, read_mapping, setting
from irevla_policy.training.config import TrainConfig

# The shipped file, and its old name.
NAME, OLD_NAME = 'algorithm1.yaml', 'improve.yaml'
Stage1Config = SACfDConfig | PPOConfig
ALGORITHMS: dict[str, type[SACfDConfig] | type[PPOConfig]] = {
    'sacfd': SACfDConfig,
    'ppo': PPOConfig,
}


@dataclass(frozen=True, kw_only=True)
class _Plan(Settings):
    """Settings of the file itself, without those of the files that it names."""

    what: ClassVar[str] = 'configuration'

    environment: str | None
    # Arguments of the robot's launch files, in place of an environment.
    robot: dict = field(default_factory=dict)
    tasks_file: Path | None
    horizon: int | None = setting(least=1)
    num_envs: int = setting(least=1)
    tasks: Tasks
    episodes: EpisodeCounts
    # each: evaluation after each stage; ends: before the first stage 1 and after the last stage 2.
    evaluations: Literal['each', 'ends'] = 'each'
    # Seeds from here on are only for evaluation.
    evaluation_seed: int = setting(least=PER_RUN)
    successes: int = setting(least=1)
    new_share: float = setting(least=0, below=1)
    labels: Literal['improved', 'executed']
    algorithm: Literal['sacfd', 'ppo']
    classifier: Path | None
    demonstration_bags: tuple[Path, ...] = ()
    # New task to the names of easier tasks that are played before it, each with the number of its
    # successes after which the next begins.
    curriculum: dict[str, dict[str, int]] = field(default_factory=dict)
    stage1_trains: Literal['head', 'all']
    stage2_trains: Literal['head', 'all']

    def __post_init__(self) -> None:
        """Check combinations of settings.

        Raises:
            SettingError: names the setting and the remedy.

        """
        super().__post_init__()
        if (self.environment is None) == (not self.robot):
            raise SettingError(
                'environment',
                f'environment is {self.environment or "null"} and robot has '
                f'{len(self.robot)} launch arguments; give either a simulator as environment, or '
                'null and the launch arguments of the robot',
            )
        if self.robot and self.tasks_file:
            raise SettingError(
                'tasks_file',
                f'tasks_file is {self.tasks_file}: tasks of a robot are a parameter of the node '
                'robot_episode, in the params_file of robot; set tasks_file to null',
            )
        if self.algorithm == 'sacfd' and self.stage1_trains == 'all':
            raise SettingError(
                'stage1_trains',
                'stage1_trains is all; SACfD works on cached '
                'latents and trains the head, use ppo or head',
            )
        if self.algorithm == 'ppo' and self.demonstration_bags:
            raise SettingError(
                'demonstration_bags',
                'demonstration_bags is set; PPO learns from its own episodes only, use sacfd or '
                'leave it empty',
            )
        self._check_curriculum()
        changes = self.stage2_trains == 'all' and len(self.tasks.rl) > 1
        if self.classifier and (self.stage1_trains == 'all' or changes):
            raise SettingError(
                'classifier',
                f'classifier is {self.classifier}: it reads the '
                'latents of one VLM, which stage1_trains: all, and stage2_trains: '
                'all before a second task, would change; train the heads only, or '
                'set classifier to null',
            )

    def _check_curriculum(self) -> None:
        for task, easier in self.curriculum.items():
            if task not in self.tasks.rl:
                raise SettingError(
                    'curriculum',
                    f'curriculum has {task}, which is not learned; use one of '
                    f'{", ".join(self.tasks.rl)}',
                )
            for name, successes in easier.items():
                if successes < 1:
                    raise SettingError(
                        'curriculum',
                        f'curriculum of {task} has {name}: {successes}; give the number of '
                        'successes after which the next task begins, 1 or more',
                    )
                try:
                    check_task_name(name, f'curriculum of {task}')
                    Curriculum(task, easier)
                except ConfigError as error:
                    raise SettingError('curriculum', str(error)) from error


@dataclass(frozen=True, kw_only=True)
class _File(_Plan):
    """The configuration's file."""

    settings: Path
    training: Path


@dataclass(frozen=True, kw_only=True)
class Algorithm1Config(_Plan):
    """The complete configuration of a run; no settings file is read again.

    Attributes:
        settings: settings of stage 1.
        training: settings of stage 2; those that its file leaves out are those of stage 0.

    """

    settings: Stage1Config
    training: TrainConfig

    def __post_init__(self) -> None:
        """Check that the settings of stage 1 are those of its algorithm."""
        super().__post_init__()
        if type(self.settings) is not ALGORITHMS[self.algorithm]:
            raise SettingError(
                'settings',
                f'settings are {type(self.settings).what}; algorithm '
                f'{self.algorithm} needs {ALGORITHMS[self.algorithm].what}',
            )

    def contents(self) -> dict[str, Any]:
        """Return JSON values, with the contents of files in place of their paths.

        They do not depend on where the files are, so a run folder can be moved. A run folder
        with other contents is refused.
        """
        contents = plain(self) | {
            'classifier': self.classifier and classifier_digest(self.classifier),
            'tasks_file': self.tasks_file and read_mapping(self.tasks_file, 'tasks file'),
        }
        # Left out if there are none, so that runs from before these settings continue.
        robot = contents.pop('robot')
        if robot:
            shown = ('view', 'view_port', 'log_level')
            contents['robot'] = {name: robot[name] for name in robot if name not in shown}
            if 'params_file' in robot:
                contents['robot']['params_file'] = Path(robot['params_file']).read_text()
        if self.evaluations == 'each':
            del contents['evaluations']
        if contents.pop('demonstration_bags'):
            contents['demonstration_bags'] = recordings_digest(self.demonstration_bags)
        del contents['curriculum']
        if self.curriculum:
            # As lists, because mappings of another order are equal.
            contents['curriculum'] = {
                task: [list(one) for one in easier.items()]
                for task, easier in self.curriculum.items()
            }
        return contents


def load_config(path: Path, stage0: TrainConfig | None = None) -> Algorithm1Config:
    """Read a configuration and the settings files that it names, relative to its folder.

    Args:
        path: path of the file.
        stage0: settings of stage 0, the defaults of stage 2; None: the built-in defaults.

    Raises:
        ConfigError: a setting is missing or invalid; names file, line, setting, value and remedy.

    """
    if path.name == OLD_NAME and not path.exists():
        raise ConfigError(f'configuration {path} does not exist; {OLD_NAME} is now {NAME}')
    file = _File.load(path)
    given = {entry.name: getattr(file, entry.name) for entry in fields(_Plan)}
    if params := file.robot.get('params_file'):
        lab = path.resolve().parent / str(params)
        if not lab.is_file():
            raise ConfigError(f'configuration {path}: robot.params_file {lab} does not exist')
        given['robot'] = file.robot | {'params_file': str(lab)}
    return Algorithm1Config(
        **given,
        settings=ALGORITHMS[file.algorithm].load(file.settings),
        training=TrainConfig.load(file.training, base=stage0),
    )
