# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""From bags to latents: the same as the policy's own, encoded once, counted aloud."""

from concurrent.futures import ThreadPoolExecutor, TimeoutError
import runpy
import sys
from threading import Event

from demonstrations import record, tiny_vla
import numpy as np
import pytest
import torch

from irevla_control.errors import BagError, ConfigError
from irevla_control.lerobot.export import export
from irevla_learner.encode.encode_demonstrations import encode_demonstrations
from irevla_learner.encode.selection import Selection
from irevla_learner.replay import encoded_demonstrations
from irevla_learner.replay.encoded_demonstrations import load_demonstrations
from irevla_policy.checkpoints.checkpoint import save_checkpoint

WINDOW = 'close the very big red window'


@pytest.fixture(scope='module')
def vla():
    torch.set_num_threads(1)
    return tiny_vla()


@pytest.fixture
def bags(tmp_path):
    return tmp_path / 'bags'


@pytest.fixture
def output(tmp_path):
    return tmp_path / 'encoded' / 'demonstrations.safetensors'


def a_file(path):
    """Write a file where a folder is needed."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b'')
    return path


def passes(vla, monkeypatch):
    """Return a list that gets the number of observations of every pass of the VLM."""
    counts, encode = [], vla.encode_observation

    def counted(images, states, instructions):
        counts.append(len(images))
        return encode(images, states, instructions)

    monkeypatch.setattr(vla, 'encode_observation', counted)
    return counts


@pytest.mark.parametrize('batch_size', [2, 16])
def test_latents_are_those_that_the_policy_acts_on_and_publishes(vla, bags, output, batch_size):
    recorded = [record(bags, 0), record(bags, 1, 'close', WINDOW, steps=3)]
    found = encode_demonstrations(vla, [bags], output, batch_size=batch_size)
    assert [episode.episode_id for episode in found] == [each.episode_id for each in recorded]
    for episode, each in zip(found, recorded, strict=True):
        stacked = np.stack([each.images[camera] for camera in vla.config.cameras], 1)
        latents, states = vla.encode_observation(
            stacked, each.states, [each.instruction] * len(stacked)
        )
        assert episode.latents.shape == latents.shape
        np.testing.assert_allclose(episode.latents, latents.numpy(), atol=2e-3)
        np.testing.assert_array_equal(episode.proprioception, states.numpy())
        for row in range(len(stacked)):
            # What the vla node publishes as `policy_step`.
            step = vla.step(
                {camera: images[row] for camera, images in each.images.items()},
                each.states[row],
                each.instruction,
            )
            np.testing.assert_allclose(episode.latents[row], step.latent, atol=2e-3)
            np.testing.assert_array_equal(episode.proprioception[row], step.proprioception)
        for name in ('actions', 'labels'):
            np.testing.assert_array_equal(
                getattr(episode, name), vla.statistics.normalise_action(getattr(each, name))
            )
        assert (episode.task, episode.instruction) == (each.episode_id[:-4], each.instruction)
    assert (found.frames, found.tasks, len(found)) == (7, ['close', 'open'], 2)
    assert found.tokens == found[1].latents.shape[1] > found[0].latents.shape[1]


def test_all_passes_are_of_one_size_which_a_traced_model_records_once(
    vla, bags, output, monkeypatch
):
    record(bags, 0, steps=5)
    record(bags, 1, steps=2)
    counts = passes(vla, monkeypatch)
    encode_demonstrations(vla, [bags], output, batch_size=4)
    assert counts == [4, 4, 4]


def test_outcome_and_missing_last_observation(vla, bags, output):
    record(bags, 0, ends=False)
    record(bags, 1, terminated=False)
    record(bags, 2, success=False, terminated=False)
    found = encode_demonstrations(vla, [bags], output, Selection(include_failures=True))
    assert [(len(each.latents), each.success, each.terminated) for each in found] == [
        (4, True, True),
        (5, True, False),
        (5, False, False),
    ]


def test_the_same_again_reads_the_file_and_anything_else_replaces_it(
    vla, bags, output, monkeypatch, capsys
):
    record(bags, 0)
    counts = passes(vla, monkeypatch)

    def encoded(*arguments, **options):
        """Return whether anything was encoded."""
        counts.clear()
        encode_demonstrations(vla, [bags], output, *arguments, **options)
        return bool(counts)

    assert encoded()
    first = capsys.readouterr().err.splitlines()[-1]
    assert first == f'used 1 of 1 episodes: 4 frames in {output}'
    assert not encoded() and not encoded(Selection(max_episodes=5))
    assert capsys.readouterr().err.splitlines()[-1] == first
    assert encoded(Selection(tasks=('open',)))
    assert encoded(Selection(max_skew_s=0.001))
    record(bags, 1)
    assert encoded() and not encoded()
    assert not encoded(Selection(max_episodes=2)) and encoded(Selection(max_episodes=1))


def test_another_backbone_or_other_statistics_replace_the_file(vla, bags, output):
    record(bags, 0)
    first = encode_demonstrations(vla, [bags], output)
    for other in (tiny_vla(seed=1), tiny_vla(statistics_seed=1)):
        second = encode_demonstrations(other, [bags], output)
        assert second.backbone_hash == other.backbone_hash
        assert not np.array_equal(first[0].proprioception, second[0].proprioception) or (
            not np.array_equal(first[0].latents, second[0].latents)
        )
        # What was loaded before stays readable.
        assert np.isfinite(first[0].latents).all()
    assert encode_demonstrations(vla, [bags], output).backbone_hash == vla.backbone_hash


@pytest.mark.parametrize('content', [b'', b'the only copy of a thesis', None])
def test_a_file_of_anything_else_is_never_replaced(vla, bags, output, content):
    record(bags, 0)
    encode_demonstrations(vla, [bags], output)
    content = output.read_bytes()[:-10] if content is None else content
    output.write_bytes(content)
    with pytest.raises(ConfigError, match=f'{output} exists, .*; remove it, or choose another'):
        encode_demonstrations(vla, [bags], output)
    assert output.read_bytes() == content


def test_a_file_of_another_version_is_replaced(vla, bags, output, monkeypatch):
    record(bags, 0)
    with monkeypatch.context() as older:
        older.setattr(encoded_demonstrations, 'VERSION', 0)
        encode_demonstrations(vla, [bags], output)
    assert len(encode_demonstrations(vla, [bags], output)) == 1


def test_what_is_not_used_is_counted_with_its_reason(vla, bags, output, capsys):
    names = [
        record(bags, 0).folder,
        record(bags, 1, success=False).folder,
        record(bags, 2, aborted=True).folder,
        record(bags, 3, joins=False).folder,
        record(bags, 4, 'close', WINDOW).folder,
    ]
    for _ in ('encoded', 'found'):
        encode_demonstrations(vla, [bags], output, Selection(tasks=('open',)))
        assert capsys.readouterr().err.splitlines()[-1] == (
            f'used 1 of 5 episodes, because 1 failed ({names[1]}); 1 aborted ({names[2]}); '
            f'1 of another task ({names[4]}); 1 without a step, none of its 4 steps is complete: '
            f'camera wrist is 5.0 ms older than the observation; max_skew_s is 0 s '
            f'({names[3]}): 4 frames in {output}'
        )


def test_a_maximum_takes_the_newest_of_each_task_in_turn(vla, bags, output, capsys):
    for number in range(4):
        record(bags, number, steps=2)
    for number in range(4, 6):
        record(bags, number, 'close', WINDOW, steps=3)

    def encoded(**options):
        found = encode_demonstrations(vla, [bags], output, Selection(**options))
        return [episode.episode_id for episode in found]

    assert encoded(max_episodes=2) == ['open_003', 'close_005']
    assert 'because 4 beyond max_episodes 2' in capsys.readouterr().err
    assert encoded(max_episodes=5) == [
        'open_001',
        'open_002',
        'open_003',
        'close_004',
        'close_005',
    ]
    assert encoded(max_frames=7) == ['open_002', 'open_003', 'close_005']
    assert 'because 3 beyond max_frames 7' in capsys.readouterr().err


def test_parts_of_one_instruction_each_are_demonstrations_of_their_own(vla, bags, output):
    texts = ('open the door',) * 2 + (WINDOW,) * 3
    recorded = record(bags, 0, instruction=texts)
    first, second = encode_demonstrations(vla, [bags], output)
    assert [(each.task, each.instruction) for each in (first, second)] == [
        ('open the door', 'open the door'),
        (WINDOW, WINDOW),
    ]
    # The second instruction followed, so the first task was done.
    assert (len(first.latents), first.success, first.terminated) == (2, True, True)
    assert (len(second.latents), second.success, second.terminated) == (3, True, True)
    np.testing.assert_array_equal(
        second.labels, vla.statistics.normalise_action(recorded.labels[2:])
    )
    # The recording's own name means all of it.
    assert len(encode_demonstrations(vla, [bags], output, Selection(('open',)))) == 2


def test_a_lerobot_dataset_is_encoded_too(vla, bags, output, tmp_path):
    recorded = record(bags, 0)
    record(bags, 1, 'close', WINDOW)
    export([bags], tmp_path / 'dataset')
    (episode,) = encode_demonstrations(
        vla, [tmp_path / 'dataset'], output, Selection(tasks=('open',))
    )
    # A dataset has no observation after the last step.
    assert len(episode.latents) == 4 and episode.terminated
    np.testing.assert_allclose(
        episode.actions, vla.statistics.normalise_action(recorded.actions), atol=1e-4
    )
    assert not np.array_equal(episode.actions, episode.labels)


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (
            {'tasks': ('open', 'lift')},
            'no usable demonstration of task lift; the recordings are of open',
        ),
        ({'tasks': ()}, 'tasks is empty'),
        ({'max_episodes': 0}, 'max_episodes is 0; 1 or more'),
        ({'max_frames': 3}, 'max_frames is 3, but the shortest demonstration has 4'),
    ],
)
def test_a_selection_of_nothing_is_refused(vla, bags, output, options, words):
    record(bags, 0)
    with pytest.raises(ConfigError, match=words):
        encode_demonstrations(vla, [bags], output, Selection(**options))
    assert not output.exists()


def test_recordings_of_which_nothing_joins_are_no_demonstrations(vla, bags, output):
    record(bags, 0, joins=False)
    with pytest.raises(ConfigError, match='no demonstrations for .*used 0 of 1 .*without a step'):
        encode_demonstrations(vla, [bags], output)
    assert not output.exists()


def test_a_damaged_bag_leaves_the_old_file(vla, bags, output):
    record(bags, 0)
    encode_demonstrations(vla, [bags], output)
    content = output.read_bytes()
    file = next(record(bags, 1).folder.glob('*.mcap'))
    with file.open('r+b') as damaged:
        damaged.seek(file.stat().st_size // 2)
        damaged.write(bytes(1000))
    with pytest.raises(BagError, match='open_001'):
        encode_demonstrations(vla, [bags], output)
    assert output.read_bytes() == content
    assert {path.name for path in output.parent.iterdir()} == {
        output.name,
        f'.{output.name}.lock',
    }


def test_what_does_not_fit_the_memory_or_half_precision_is_named(vla, bags, output, monkeypatch):
    record(bags, 0)

    def too_large(*_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(vla, 'encode_observation', too_large)
    with pytest.raises(ConfigError, match='pass of 16 observations .* lower batch_size'):
        encode_demonstrations(vla, [bags], output)
    monkeypatch.setattr(
        vla, 'encode_observation', lambda *_: (torch.full((16, 2, 4), torch.inf), torch.zeros(1))
    )
    with pytest.raises(ConfigError, match='not finite for episode open_000'):
        encode_demonstrations(vla, [bags], output)
    with pytest.raises(ConfigError, match='batch_size is 0'):
        encode_demonstrations(vla, [bags], output, batch_size=0)
    # Before anything is encoded.
    with pytest.raises(ConfigError, match=f'{bags} is a folder; give the name of a file'):
        encode_demonstrations(vla, [bags], bags)
    with pytest.raises(ConfigError, match='index cannot be written: .*; choose another file'):
        encode_demonstrations(vla, [bags], a_file(output) / 'index')


def test_the_program_encodes_and_says_what_is_wrong_in_one_line(
    vla, bags, output, tmp_path, monkeypatch, capsys
):
    record(bags, 0)
    save_checkpoint(tmp_path / 'policy', vla)

    def run(*more):
        common = ('--checkpoint', tmp_path / 'policy', '--bags', bags, '--output', output)
        monkeypatch.setattr(sys, 'argv', ['encode', *map(str, common), '--device', 'cpu', *more])
        runpy.run_module('irevla_learner.encode', run_name='__main__')

    run('--tasks', 'open')
    printed = capsys.readouterr()
    assert printed.out == f'1 episodes of open: 4 frames of 12 x 16 in {output} (0.0 MB)\n'
    assert f'used 1 of 1 episodes: 4 frames in {output}' in printed.err
    assert len(load_demonstrations(output, vla.latent_policy)) == 1
    with pytest.raises(SystemExit) as stopped:
        run('--tasks', 'lift')
    # A text as exit code is written to stderr, with status 1.
    assert stopped.value.code == (
        'encode: no usable demonstration of task lift; the recordings are of open'
    )


def test_two_at_a_time_encode_once(vla, bags, output, monkeypatch):
    record(bags, 0)
    counts = passes(vla, monkeypatch)
    counted, began, go_on = vla.encode_observation, Event(), Event()

    def slow(*arguments):
        began.set()
        assert go_on.wait(10)
        return counted(*arguments)

    monkeypatch.setattr(vla, 'encode_observation', slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(encode_demonstrations, vla, [bags], output)
        assert began.wait(10)
        second = pool.submit(encode_demonstrations, vla, [bags], output)
        with pytest.raises(TimeoutError):
            second.result(0.2)
        go_on.set()
        assert first.result(10).identity == second.result(10).identity
    assert len(counts) == 1
