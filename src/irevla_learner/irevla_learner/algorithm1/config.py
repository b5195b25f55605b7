# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The configuration of Algorithm 1; `config/improve.yaml` has and explains each setting."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal

from irevla_learner.classifier.success_classifier import classifier_digest
from irevla_learner.ppo.config import PPOConfig
from irevla_learner.runs.layouts import PER_RUN
from irevla_learner.runs.task_groups import EpisodeCounts, Tasks
from irevla_learner.sacfd.config import SACfDConfig
from irevla_policy.settings import SettingError, Settings, plain, read_mapping, setting
from irevla_policy.training.config import TrainConfig

Stage1Config = SACfDConfig | PPOConfig
ALGORITHMS: dict[str, type[SACfDConfig] | type[PPOConfig]] = {
    'sacfd': SACfDConfig, 'ppo': PPOConfig}


@dataclass(frozen=True)
class _Plan(Settings):
    """What the file says itself, but for the files that it names for stages 1 and 2."""

    what: ClassVar[str] = 'configuration'

    environment: str
    tasks_file: Path | None
    horizon: int = setting(least=1)
    copies: int = setting(least=1)
    tasks: Tasks
    episodes: EpisodeCounts
    # From there on no run learns.
    evaluation_seed: int = setting(least=PER_RUN)
    successes: int = setting(least=1)
    new_share: float = setting(least=0, below=1)
    labels: Literal['improved', 'executed']
    algorithm: Literal['sacfd', 'ppo']
    classifier: Path | None
    stage1_trains: Literal['head', 'all']
    stage2_trains: Literal['head', 'all']

    def __post_init__(self) -> None:
        """Refuse what cannot be done together.

        Raises:
            SettingError: names the setting and the remedy.

        """
        super().__post_init__()
        if self.algorithm == 'sacfd' and self.stage1_trains == 'all':
            raise SettingError('stage1_trains', 'stage1_trains is all; SACfD works on cached '
                               'latents and trains the head, use ppo or head')
        changes = self.stage2_trains == 'all' and len(self.tasks.rl) > 1
        if self.classifier and (self.stage1_trains == 'all' or changes):
            raise SettingError('classifier', f'classifier is {self.classifier}: it reads the '
                               'latents of one VLM, which stage1_trains: all, and stage2_trains: '
                               'all before a second task, would change; let the heads learn, or '
                               'leave the classifier out')


@dataclass(frozen=True)
class _File(_Plan):
    """The configuration's file."""

    settings: Path
    training: Path


@dataclass(frozen=True)
class Algorithm1Config(_Plan):
    """All that a run of Algorithm 1 was asked, whole: no file of settings is read again.

    Attributes:
        settings: of stage 1.
        training: of stage 2; what its file leaves out is as in stage 0.

    """

    settings: Stage1Config
    training: TrainConfig

    def __post_init__(self) -> None:
        """Refuse settings of another algorithm too."""
        super().__post_init__()
        if type(self.settings) is not ALGORITHMS[self.algorithm]:
            raise SettingError('settings', f'settings are {type(self.settings).what}; algorithm '
                               f'{self.algorithm} needs {ALGORITHMS[self.algorithm].what}')

    def contents(self) -> dict[str, Any]:
        """Return it as JSON values, with what its files hold in the place of their paths.

        They are the same wherever the files lie, so a run folder may travel; and a run folder
        that began with others is refused.
        """
        return plain(self) | {
            'classifier': self.classifier and classifier_digest(self.classifier),
            'tasks_file': self.tasks_file and read_mapping(self.tasks_file, 'tasks file')}


def load_config(path: Path, stage0: TrainConfig | None = None) -> Algorithm1Config:
    """Read a configuration and the files of settings that it names, relative to its folder.

    Args:
        path: of the file.
        stage0: settings that the policy had in stage 0, which stage 2 takes what its own leave
            out from; None: the built-in ones.

    Raises:
        ConfigError: something is missing or odd: with file, line, name, value and remedy.

    """
    file = _File.load(path)
    said = {entry.name: getattr(file, entry.name) for entry in fields(_Plan)}
    return Algorithm1Config(**said, settings=ALGORITHMS[file.algorithm].load(file.settings),
                            training=TrainConfig.load(file.training, base=stage0))
