# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
import json
import math
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from random_episodes import random_episode
from recorded_episodes import record
from safetensors import safe_open
from safetensors.torch import load_file
import torch
import yaml

from irevla_control.errors import ConfigError
from irevla_policy.checkpoints.checkpoint import load_checkpoint
from irevla_policy.checkpoints.files import read_manifest
from irevla_policy.frames.dataset import Dataset, Mixture, split_by_episode
from irevla_policy.frames.frame_store import write_store
from irevla_policy.metrics_log import read_metrics
from irevla_policy.model.config import PolicyConfig
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.vla import VLA
from irevla_policy.training.config import TrainConfig
from irevla_policy.training.train import main
from irevla_policy.training.trainer import TrainingError, train
from irevla_policy.training.training_state import FILE

CAMERAS = ('corner', 'gripper')
PRESET = {
    'cameras': list(CAMERAS),
    'image_size': 24,
    'backbone': {
        'kind': 'tiny',
        'tiny': {'width': 16, 'attention_heads': 2, 'queries': 2, 'text_layers': 1},
    },
    'head': {'hidden': [32]},
}
CONFIG = TrainConfig(
    steps=12,
    batch_size=8,
    warmup_steps=3,
    validation_share=0.2,
    validate_every=6,
    checkpoint_every=4,
    log_every=1,
    threads=1,
)


@pytest.fixture
def store(tmp_path):
    episodes = [random_episode(n, task) for n in range(3) for task in ('push', 'pull')]
    return write_store(tmp_path / 'store', episodes, CAMERAS, 24)


def new_vla(store, seed=0):
    torch.manual_seed(seed)
    return VLA(
        PolicyConfig.from_dict(PRESET),
        Statistics.from_data(store.states, store.actions),
        ['push the thing', 'pull the thing'],
    )


def run(store, output, config=CONFIG, source=None):
    training, validation = split_by_episode(store, config.validation_share, config.seed)
    return train(new_vla(store), source or training, validation, config, output)


def weights(output):
    return {
        name: tensor
        for part in ('backbone', 'head')
        for name, tensor in load_file(output / 'checkpoint' / f'{part}.safetensors').items()
    }


def assert_same(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_loss_falls_and_the_policy_is_saved(store, tmp_path):
    config = replace(
        CONFIG,
        steps=120,
        learning_rate=5e-3,
        shift_pixels=0,
        ema=0.1,
        validate_every=60,
        checkpoint_every=60,
    )
    result = run(store, tmp_path / 'out', config)
    rows = read_metrics(tmp_path / 'out')
    losses = [row['loss'] for row in rows if 'loss' in row]
    assert sum(losses[-10:]) < 0.3 * sum(losses[:10])
    assert math.isfinite(result.validation_loss) and result.samples_per_s > 0
    vla = load_checkpoint(result.checkpoint)
    assert read_manifest(result.checkpoint)['extra']['training']['steps'] == 120
    batch = Dataset(store).batch((0,), 1)
    output = vla.step(
        dict(zip(CAMERAS, batch.images[0])), batch.states[0].astype(float), batch.instructions[0]
    )
    assert output.action.shape == (7,)
    assert (tmp_path / 'out' / 'loss.png').exists()


def test_the_seed_determines_the_weights(store, tmp_path):
    for name, seed in (('a', 0), ('b', 0), ('c', 1)):
        run(store, tmp_path / name, replace(CONFIG, seed=seed))
    assert_same(weights(tmp_path / 'a'), weights(tmp_path / 'b'))
    assert not torch.equal(
        weights(tmp_path / 'a')['mlp.0.weight'], weights(tmp_path / 'c')['mlp.0.weight']
    )


def test_the_checkpoint_has_the_average_not_the_last_weights(store, tmp_path):
    run(store, tmp_path / 'out')
    state = load_file(tmp_path / 'out' / FILE)
    saved = weights(tmp_path / 'out')['mlp.0.weight']
    assert torch.equal(saved, state['average/head.mlp.0.weight'])
    assert not torch.equal(saved, state['weight/head.mlp.0.weight'])


def test_finished_training_is_not_repeated(store, tmp_path):
    run(store, tmp_path / 'out')
    before = weights(tmp_path / 'out')
    rows = read_metrics(tmp_path / 'out')
    run(store, tmp_path / 'out')
    assert_same(before, weights(tmp_path / 'out'))
    assert read_metrics(tmp_path / 'out') == rows


def test_output_of_another_training_is_refused(store, tmp_path):
    run(store, tmp_path / 'out')
    with pytest.raises(ConfigError, match='learning_rate was 0.0005, now 0.1'):
        run(store, tmp_path / 'out', replace(CONFIG, learning_rate=0.1))
    with pytest.raises(ConfigError, match='data was'):
        run(store, tmp_path / 'out', source=Dataset(store, [0]))
    training, validation = split_by_episode(store, CONFIG.validation_share, CONFIG.seed)
    with pytest.raises(ConfigError, match='start was'):
        train(new_vla(store, seed=1), training, validation, CONFIG, tmp_path / 'out')


def test_damaged_state_is_refused(store, tmp_path):
    run(store, tmp_path / 'out')
    path = tmp_path / 'out' / FILE
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ConfigError, match='is damaged'):
        run(store, tmp_path / 'out')


@pytest.mark.parametrize('log_every', [1, 100])
def test_a_diverging_training_stops_and_saves_only_finite_weights(store, tmp_path, log_every):
    config = replace(
        CONFIG,
        learning_rate=1e18,
        warmup_steps=0,
        gradient_clip=1e30,
        log_every=log_every,
        checkpoint_every=1,
        steps=50,
    )
    with pytest.raises(TrainingError, match=r'at step \d+ the loss .*learning_rate below 1e\+18'):
        run(store, tmp_path / 'out', config)
    assert not (tmp_path / 'out' / 'checkpoint').exists()
    rows = read_metrics(tmp_path / 'out')
    assert all(math.isfinite(value) for row in rows for value in row.values())
    state = tmp_path / 'out' / FILE
    assert not state.exists() or all(
        tensor.isfinite().all()
        for name, tensor in load_file(state).items()
        if name.startswith('weight/')
    )


def test_frozen_weights_do_not_change_and_are_not_in_the_state(store, tmp_path):
    vla = new_vla(store)
    vla.backbone.freeze()
    before = {name: tensor.clone() for name, tensor in vla.backbone.state_dict().items()}
    train(vla, Dataset(store), None, CONFIG, tmp_path / 'out')
    assert all(
        torch.equal(tensor, before[name]) for name, tensor in vla.backbone.state_dict().items()
    )
    kept = load_file(tmp_path / 'out' / FILE)
    assert not any('backbone' in name for name in kept)
    # Each weight has its average, the optimiser's step and two moments.
    assert len(kept) == 5 * len(list(vla.head.parameters()))


def test_stage_2_trains_on_a_mixture(store, tmp_path):
    source = Mixture([(Dataset(store, [0, 1, 2]), 0.65), (Dataset(store, [3, 4]), 0.35)])
    result = run(store, tmp_path / 'out', source=source)
    assert math.isfinite(result.loss)


@pytest.fixture
def command(tmp_path):
    """Return command-line arguments for a training on recorded episodes."""
    for number in range(4):
        record(tmp_path / 'data', random_episode(number))
    (tmp_path / 'preset.yaml').write_text(yaml.safe_dump(PRESET))
    (tmp_path / 'config.yaml').write_text(
        yaml.safe_dump(
            {
                'batch_size': 8,
                'checkpoint_every': 7,
                'log_every': 1,
                'validate_every': 30,
                'threads': 1,
                'validation_share': 0.25,
            }
        )
    )
    return [
        '--data',
        f'{tmp_path}/data',
        '--preset',
        f'{tmp_path}/preset.yaml',
        '--config',
        f'{tmp_path}/config.yaml',
        '--steps',
        '60',
    ]


def test_a_killed_and_continued_training_equals_an_uninterrupted_one(command, tmp_path):
    kill_after = random.randrange(8, 50)
    print(f'SIGKILL after step {kill_after}')
    killed = tmp_path / 'killed'
    process = subprocess.Popen(
        [sys.executable, '-m', 'irevla_policy.training.train', *command, '--output', killed],
        stderr=subprocess.DEVNULL,
        env=os.environ | {'OMP_NUM_THREADS': '1'},
    )
    deadline = time.monotonic() + 120
    while len(read_metrics(killed)) < kill_after and time.monotonic() < deadline:
        assert process.poll() is None, 'the training ended before the kill'
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (killed / 'checkpoint').exists()
    main([*command, '--output', str(killed)])
    whole = tmp_path / 'whole'
    main([*command, '--output', str(whole)])
    assert_same(weights(killed), weights(whole))
    assert_same(load_file(killed / FILE), load_file(whole / FILE))
    losses = [
        [
            (row['step'], row.get('loss'), row.get('validation_loss'))
            for row in read_metrics(folder)
        ]
        for folder in (killed, whole)
    ]
    assert losses[0] == losses[1]
    trained = load_checkpoint(whole / 'checkpoint')
    assert set(trained.views) == {'corner'}, 'the other camera moves with the gripper'


def stage2(command, tmp_path):
    """Return command-line arguments of a stage 2 with a new episode, after a stage 0."""
    main([*command, '--steps', '8', '--output', str(tmp_path / 'stage0')])
    record(tmp_path / 'new', random_episode(7, 'pull'))
    rest = [argument for argument in command if argument not in ('--preset', command[3])]
    return [*rest, '--init', f'{tmp_path}/stage0/checkpoint', '--more', f'{tmp_path}/new']


def test_two_processes_train_stage_2_on_different_frames(command, tmp_path):
    arguments = stage2(command, tmp_path)
    subprocess.run(
        [
            sys.executable,
            '-m',
            'torch.distributed.run',
            '--standalone',
            '--nproc_per_node',
            '2',
            '-m',
            'irevla_policy.training.train',
            *arguments,
            '--steps',
            '10',
            '--output',
            tmp_path / 'two',
        ],
        check=True,
        timeout=120,
    )
    with safe_open(tmp_path / 'two' / FILE, 'pt') as file:
        assert json.loads(file.metadata()['identity'])['processes'] == 2
    main([*arguments, '--steps', '10', '--output', f'{tmp_path}/one'])
    assert not torch.equal(
        weights(tmp_path / 'one')['mlp.0.weight'], weights(tmp_path / 'two')['mlp.0.weight']
    )


def test_the_command_line_trains_a_checkpoint_on_more_data(command, tmp_path):
    arguments = stage2(command, tmp_path)
    main([*arguments, '--steps', '8', '--output', f'{tmp_path}/stage2'])
    load_checkpoint(tmp_path / 'stage2' / 'checkpoint')
    with pytest.raises(ConfigError, match='share 1.5 of each batch'):
        main([*arguments, '--more-share', '1.5', '--output', f'{tmp_path}/no'])
