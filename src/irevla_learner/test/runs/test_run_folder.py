# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A run folder continues after any interruption and refuses another run's configuration."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from irevla_control.checks.durability import durable_replaces
from irevla_learner.runs import run_folder
from irevla_learner.runs.run_folder import RunFolder, RunFolderError, read_manifest

CONFIG = {'tasks': ['door-open', 'window-open'], 'training': {'steps': 100, 'rate': 1e-3}}


def open_run(path, **changes):
    return RunFolder(path, **({'config': CONFIG, 'seed': 3} | changes))


def run_step(run, name, **options):
    """Run a step that writes a file of the step's name; return whether the step was needed."""
    with run.step(name, **options) as step:
        if step.needed:
            (run.path / name).write_text('done')
            step.results['size'] = 4
        assert step.results == {'size': 4}
        return step.needed


def test_finished_steps_are_skipped(tmp_path):
    for first in (True, False):
        with durable_replaces(*[tmp_path / 'manifest.json'] * first), open_run(tmp_path) as run:
            assert run_step(run, 'collect', inputs={'n': 5}, outputs=['collect']) is first
            assert run_step(run, 'train', inputs=[1.5], outputs=['train']) is first


def test_changed_inputs_redo_the_step_and_all_after_it(tmp_path):
    with open_run(tmp_path) as run:
        assert all(run_step(run, name) for name in ('collect', 'train', 'evaluate'))
    with open_run(tmp_path) as run:
        assert not run_step(run, 'collect')
        assert run_step(run, 'train', inputs='other')
        assert run_step(run, 'evaluate')


def test_outputs_of_other_inputs_are_removed_and_those_of_a_kill_kept(tmp_path):
    def step(run, inputs):
        return run.step('collect', inputs=inputs, makes=['bags', 'results.json'])

    with open_run(tmp_path) as run, step(run, 1):
        (tmp_path / 'bags').mkdir()
        (tmp_path / 'bags/first').touch()
        (tmp_path / 'results.json').touch()
    with open_run(tmp_path) as run:
        with pytest.raises(KeyboardInterrupt), step(run, 2):
            assert not (tmp_path / 'bags').exists() and not (tmp_path / 'results.json').exists()
            (tmp_path / 'bags').mkdir()
            raise KeyboardInterrupt
    with open_run(tmp_path) as run, step(run, 2) as again:
        assert again.needed and (tmp_path / 'bags').exists()


def test_old_outputs_are_removed_even_after_a_kill_during_their_removal(tmp_path, monkeypatch):
    with open_run(tmp_path) as run:
        run_step(run, 'bags', makes=['bags'])
    with open_run(tmp_path) as run:
        with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
            patch.setattr(run_folder, '_remove', lambda path: 1 / 0)
            run_step(run, 'bags', inputs=2, makes=['bags'])
    with open_run(tmp_path) as run, run.step('bags', inputs=2, makes=['bags']):
        assert not (tmp_path / 'bags').exists()


def test_missing_output_redoes_the_step_and_all_after_it(tmp_path):
    with open_run(tmp_path) as run:
        run_step(run, 'collect', outputs=['collect'])
        run_step(run, 'train')
    (tmp_path / 'collect').unlink()
    with open_run(tmp_path) as run:
        assert run_step(run, 'collect', outputs=['collect'])
        assert run_step(run, 'train')


def test_failed_step_runs_again_and_its_time_adds_up(tmp_path):
    with open_run(tmp_path) as run:
        with pytest.raises(KeyboardInterrupt), run.step('train'):
            time.sleep(0.05)
            raise KeyboardInterrupt
    first = read_manifest(tmp_path)['steps']['train']
    assert first['finished'] is None
    assert first['wall_s'] >= 0.05
    with open_run(tmp_path) as run, run.step('train') as step:
        assert step.needed
        time.sleep(0.05)
    second = read_manifest(tmp_path)['steps']['train']
    assert second['attempt'] == 2
    assert second['wall_s'] >= first['wall_s'] + 0.05


def test_manifest_records_seed_configuration_times_and_results(tmp_path):
    with open_run(tmp_path) as run:
        run.add_time('setup', 12.3456)
        run.add_time('setup', 1)
        run_step(run, 'collect')
    manifest = read_manifest(tmp_path)
    assert manifest['seed'] == 3
    assert manifest['config'] == CONFIG
    assert manifest['wall_s'] == {'setup': 12.346}
    assert manifest['steps']['collect']['results'] == {'size': 4}


def test_existing_run_opens_without_its_configuration(tmp_path):
    open_run(tmp_path).close()
    with RunFolder(tmp_path) as run:
        assert run.manifest['config'] == CONFIG


def test_other_configuration_is_refused_with_the_differing_keys(tmp_path):
    open_run(tmp_path).close()
    other = {'tasks': CONFIG['tasks'], 'training': {'steps': 200, 'batch': 8}}
    with pytest.raises(RunFolderError) as caught:
        open_run(tmp_path, config=other, seed=4)
    lines = str(caught.value).splitlines()
    assert [line.strip() for line in lines[1:-1]] == [
        'seed: 3 there, 4 asked',
        "training.batch: '(absent)' there, 8 asked",
        "training.rate: 0.001 there, '(absent)' asked",
        'training.steps: 100 there, 200 asked',
    ]
    assert 'choose another folder' in lines[-1]
    open_run(tmp_path).close()


def test_a_run_with_old_names_of_settings_continues(tmp_path):
    old = {'copies': 2, 'settings': {'decisions': 5}, 'training': {'ema_decay': 0.999}}
    new = {'num_envs': 2, 'settings': {'env_steps': 5}, 'training': {'ema': 0.001}}
    open_run(tmp_path, config=old).close()
    open_run(tmp_path, config=new).close()
    new['settings']['env_steps'] = 6
    with pytest.raises(RunFolderError, match=r'settings\.env_steps: 5 there, 6 asked'):
        open_run(tmp_path, config=new)


def test_folder_without_manifest_is_refused_and_not_created(tmp_path):
    with pytest.raises(RunFolderError, match='is no run folder'):
        RunFolder(tmp_path / 'nothing')
    assert not (tmp_path / 'nothing').exists()


@pytest.mark.parametrize(
    'content, reason',
    [
        ('{"format": 1', 'is not JSON'),
        ('[]', 'has format'),
        ('{"format": 99}', 'has format 99'),
        ('{"format": 2, "seed": 0}', "lacks .*'config'"),
    ],
)
def test_unreadable_manifest_is_refused(tmp_path, content, reason):
    (tmp_path / 'manifest.json').write_text(content)
    with pytest.raises(RunFolderError, match=reason):
        open_run(tmp_path)


@pytest.mark.parametrize('config', [{'a': object()}, {'a': float('nan')}])
def test_configuration_that_is_not_json_is_refused(tmp_path, config):
    with pytest.raises(RunFolderError, match='not a JSON value'):
        open_run(tmp_path, config=config)


def test_second_process_is_refused_until_the_first_ends(tmp_path):
    program = (
        'import sys; from irevla_learner.runs.run_folder import RunFolder; '
        'run = RunFolder(sys.argv[1], {}, 0); print("open", flush=True); sys.stdin.read()'
    )
    with subprocess.Popen(
        [sys.executable, '-c', program, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline() == 'open\n'
        with pytest.raises(RunFolderError, match=f'in use by process {holder.pid};'):
            RunFolder(tmp_path, {}, 0)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    RunFolder(tmp_path, {}, 0).close()


def test_a_worker_of_a_killed_run_does_not_keep_the_folder_locked(tmp_path):
    run = RunFolder(tmp_path, {}, 0)
    reader, writer = os.pipe()
    worker = os.fork()
    if worker == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    run.close()
    try:
        subprocess.run(
            [
                sys.executable,
                '-c',
                'import sys; from irevla_learner.runs.run_folder '
                'import RunFolder; RunFolder(sys.argv[1])',
                tmp_path,
            ],
            check=True,
            timeout=30,
        )
    finally:
        os.close(writer)
        os.waitpid(worker, 0)
        os.close(reader)


def run_all_steps(path):
    with RunFolder(path, {'a': 1}, 7) as run:
        for number in range(100):
            name = f'step-{number}'
            with run.step(name, inputs=number) as step:
                if step.needed:
                    with open(path / name, 'a') as file:
                        file.write('x')
                    step.results['number'] = number


def run_process(path, kill_after=None, delay_s=0.0):
    """Return the exit code, and the number of finished steps in the manifest.

    The process is killed `delay_s` after it began the step `kill_after` (-1: after its start).
    """
    process = multiprocessing.get_context('fork').Process(target=run_all_steps, args=[path])
    process.start()
    if kill_after is not None:
        while (
            kill_after >= 0 and process.is_alive() and not (path / f'step-{kill_after}').exists()
        ):
            time.sleep(0.001)
        time.sleep(delay_s)
        process.kill()
    process.join()
    if not (path / 'manifest.json').exists():
        return process.exitcode, 0
    steps = read_manifest(path)['steps'].values()
    return process.exitcode, sum(step['finished'] is not None for step in steps)


def test_a_run_killed_at_any_time_continues(tmp_path):
    path = tmp_path / 'run'
    random_numbers = random.Random(0)
    finished = [0]
    for number in range(20):
        kill_after = finished[-1] + random_numbers.randint(0, 5) if number % 2 else -1
        status, count = run_process(path, kill_after, random_numbers.uniform(0, 0.02))
        assert status in (0, -signal.SIGKILL)
        finished.append(count)
    assert finished == sorted(finished)
    assert run_process(path) == (0, 100)
    steps = read_manifest(path)['steps']
    assert [step['results'] for step in steps.values()] == [
        {'number': number} for number in range(100)
    ]
    for name, step in steps.items():
        # An attempt writes at most one letter, and a finished step never runs again.
        assert 1 <= len((path / name).read_text()) <= step['attempt']
    assert list(path.glob('*.tmp')) == []
