# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 2 of Algorithm 1, in a process that ran stage 0 with another precision."""

from dataclasses import replace
from hashlib import sha256
import json
from pathlib import Path

from evaluated_run import record
import numpy as np
import pytest
import torch

from irevla_control.errors import ConfigError
from irevla_learner.algorithm1.algorithm1 import Algorithm1
from irevla_learner.algorithm1.config import load_config
from irevla_learner.algorithm1.in_process_backend import InProcessBackend
from irevla_learner.algorithm1.program import run_algorithm1
from irevla_learner.ppo.config import PPOConfig
from irevla_learner.runs.evaluation import EpisodeResult
from irevla_learner.runs.outcome import write_outcome
from irevla_learner.runs.run_folder import RunFolder
from irevla_policy.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from irevla_policy.checkpoints.files import CONFIG as CONFIG_FILE
from irevla_policy.checkpoints.files import MANIFEST, read_manifest
from irevla_policy.checkpoints.stage0 import with_stage0
from irevla_policy.frames.bag_frames import load_frames
from irevla_policy.frames.dataset import Dataset
from irevla_policy.model.config import PolicyConfig
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.vla import VLA
from irevla_policy.training.config import TrainConfig
from irevla_policy.training.stage0 import stage0_settings
from irevla_policy.training.trainer import train

CONFIG = Path(__file__).resolve().parents[4] / 'config'
POLICY = {
    'cameras': ['front'],
    'image_size': 24,
    'head': {'hidden': [8]},
    'backbone': {'tiny': {'width': 16, 'attention_heads': 2, 'queries': 2, 'text_layers': 1}},
}
STAGE0 = TrainConfig(steps=2, batch_size=4, weight_decay=0.3, precision='bf16', threads=1, seed=3)


class NoEpisodes:
    """A backend without episodes, whose stage 1 does not change the policy."""

    def evaluate(self, checkpoint, episodes, folder):
        """Run no episode."""
        return []

    def learn(self, task, checkpoint, folder):
        """Copy the checkpoint."""
        save_checkpoint(
            folder / 'checkpoint', load_checkpoint(checkpoint), with_stage0({}, checkpoint)
        )
        write_outcome(folder, 0, 0, 0)

    def successes(self, folder, policy):
        """Return no episodes."""


@pytest.fixture
def demonstrations(tmp_path):
    random = np.random.default_rng(0)
    for number in range(2):
        record(
            tmp_path / 'bags',
            EpisodeResult('light', number, True, 5, True, False, False, f'light-{number}'),
            'light it',
            {'front': random.integers(0, 255, (5, 24, 24, 3), np.uint8)},
        )
    return tmp_path / 'bags'


@pytest.fixture
def stage0(tmp_path, demonstrations):
    """Return a policy that this process trained with bf16."""
    return trained(tmp_path, demonstrations, POLICY)


def trained(tmp_path, demonstrations, policy):
    random = np.random.default_rng(0)
    torch.manual_seed(0)
    vla = VLA(
        PolicyConfig.from_dict(policy),
        Statistics.from_data(random.normal(size=(50, 10)), random.uniform(-1, 1, (50, 7))),
        ['light it'],
    )
    store = load_frames([demonstrations], vla.config.cameras, vla.config.image_size)
    source = Dataset(store, chunk_size=vla.config.head.chunk_size)
    return train(vla, source, None, STAGE0, tmp_path / 'stage0').checkpoint


def configuration(tmp_path, stage0, text, **changes):
    """Return the configuration of two new tasks with these settings of stage 2."""
    (tmp_path / 'training.yaml').write_text(f'steps: 1\n{text}')
    (tmp_path / 'algorithm1.yaml').write_text(
        (CONFIG / 'algorithm1.yaml')
        .read_text()
        .replace('learning/', f'{CONFIG}/learning/')
        .replace('training/stage2.yaml', 'training.yaml')
        .replace('rl: [door-open-new]', 'rl: [door-open-new, door-close-new]')
    )
    return replace(load_config(tmp_path / 'algorithm1.yaml', stage0_settings(stage0)), **changes)


def run(tmp_path, stage0, demonstrations, text):
    """Run Algorithm 1 on two RL tasks with settings of stage 2; return the last checkpoint."""
    config = configuration(tmp_path, stage0, text)
    with RunFolder(tmp_path / 'run', config.contents(), 9) as folder:
        return Algorithm1(folder, config, NoEpisodes(), [demonstrations], 9).run(stage0)


@pytest.mark.parametrize('text, precision', [('', 'bf16'), ("precision: 'no'\n", 'no')])
def test_stage_2_has_its_own_precision_or_that_of_stage_0(
    tmp_path, stage0, demonstrations, text, precision
):
    last = run(tmp_path, stage0, demonstrations, text)
    assert last == tmp_path / 'run/stage2-2/checkpoint'
    for stage in ('stage2', 'stage2-2'):
        extra = read_manifest(tmp_path / 'run' / stage / 'checkpoint')['extra']
        assert TrainConfig(**extra['training']) == replace(
            STAGE0, steps=1, seed=9, precision=precision
        )
        assert TrainConfig(**extra['stage0']) == STAGE0, 'a stage 2 is recorded as stage 0'


@pytest.mark.parametrize(
    'evaluations, evaluated',
    [
        ('each', ['stage0', 'stage1', 'stage1-2', 'stage2', 'stage2-2']),
        ('ends', ['stage0', 'stage2-2']),
    ],
)
def test_evaluations_after_each_stage_or_at_the_ends(
    tmp_path, stage0, demonstrations, evaluations, evaluated
):
    config = configuration(tmp_path, stage0, '', evaluations=evaluations)
    with RunFolder(tmp_path / 'run', config.contents(), 9) as folder:
        Algorithm1(folder, config, NoEpisodes(), [demonstrations], 9).run(stage0)
    found = (tmp_path / 'run').glob('*/evaluation/results.json')
    assert sorted(file.parts[-3] for file in found) == evaluated


def test_a_robot_is_refused_without_ros(tmp_path, stage0):
    config = configuration(tmp_path, stage0, '', environment=None, robot={'fps': 10})
    policy = PolicyConfig.from_dict(POLICY)
    with pytest.raises(ConfigError, match='over ROS only; use python -m irevla_bringup'):
        InProcessBackend(config, policy, 0)


def test_task_weights_of_stage_2_are_used(tmp_path, stage0, demonstrations):
    with pytest.raises(ConfigError, match="task 'dark' has weight 1.0 but no episodes"):
        run(tmp_path, stage0, demonstrations, 'task_weights: {dark: 1}\n')


@pytest.mark.parametrize(
    'key, changes',
    [
        ('stage2_trains', {}),
        (
            'stage1_trains',
            {
                'algorithm': 'ppo',
                'settings': PPOConfig(),
                'stage1_trains': 'all',
                'stage2_trains': 'head',
            },
        ),
    ],
)
def test_a_policy_that_trains_all_in_half_precision_is_refused_before_anything_runs(
    tmp_path, stage0, demonstrations, key, changes
):
    policy = json.loads((stage0 / CONFIG_FILE).read_text())
    policy['backbone'] = {'kind': 'pretrained', 'source': 'some/model', 'dtype': 'float16'}
    text = json.dumps(policy)
    (stage0 / CONFIG_FILE).write_text(text)
    manifest = read_manifest(stage0)
    manifest['files'][CONFIG_FILE] = sha256(text.encode()).hexdigest()
    (stage0 / MANIFEST).write_text(json.dumps(manifest))
    config = configuration(tmp_path, stage0, '', **changes)

    def start(*_):
        raise AssertionError('the backend was started')

    with pytest.raises(ConfigError) as caught:
        run_algorithm1(tmp_path / 'run', config, stage0, [demonstrations], 0, start)
    message = str(caught.value)
    assert message.startswith(f"checkpoint {stage0}: backbone.dtype is 'float16'")
    assert 'float32' in message and f'{key}: head' in message and '\n' not in message
    assert not (tmp_path / 'run').exists()


@pytest.fixture
def of_new_tasks(tmp_path):
    """Return a folder with a demonstration of each new task."""
    for task in ('door-open-new', 'door-close-new'):
        record(
            tmp_path / 'new',
            EpisodeResult(task, 0, True, 5, True, False, False, f'{task}-0'),
            f'do {task}',
            {'front': np.zeros((5, 24, 24, 3), np.uint8)},
        )
    return tmp_path / 'new'


def test_stage_2_trains_on_recorded_demonstrations_of_the_tasks_learned_so_far(
    tmp_path, stage0, demonstrations, of_new_tasks, monkeypatch
):
    config = configuration(tmp_path, stage0, '', demonstration_bags=(of_new_tasks,))
    given = []

    def noted(vla, source, *rest):
        given.append(source.instructions)
        return train(vla, source, *rest)

    monkeypatch.setattr('irevla_learner.algorithm1.algorithm1.train', noted)
    with RunFolder(tmp_path / 'run', config.contents(), 9) as folder:
        Algorithm1(folder, config, NoEpisodes(), [demonstrations], 9).run(stage0)
    assert given == [
        ['do door-open-new', 'light it'],
        ['do door-close-new', 'do door-open-new', 'light it'],
    ]


def test_stage_2_trains_a_policy_with_chunks_of_actions(tmp_path, demonstrations, of_new_tasks):
    stage0 = trained(tmp_path, demonstrations, POLICY | {'head': {'hidden': [8], 'chunk_size': 3}})

    class Successes(NoEpisodes):
        def successes(self, folder, policy):
            return load_frames([of_new_tasks], policy.cameras, policy.image_size)

    config = configuration(
        tmp_path, stage0, 'validation_share: 0.5\n', demonstration_bags=(of_new_tasks,)
    )
    with RunFolder(tmp_path / 'run', config.contents(), 9) as folder:
        last = Algorithm1(folder, config, Successes(), [demonstrations], 9).run(stage0)
    assert load_checkpoint(last).latent_policy.chunk_size == 3
