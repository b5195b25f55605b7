# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The report has the results of a run folder and names missing data."""

import json
import shlex
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import av
from evaluated_run import evaluated_run
import numpy as np
import pytest

from irevla_control.errors import IrevlaError
from irevla_learner.report.clips import in_turns
from irevla_learner.report.pages import duration, interval_bar, next_steps, number, percent
from irevla_learner.report.report import training_figures, write_report
from irevla_learner.runs.evaluation import EpisodeResult
from irevla_learner.runs.run_folder import RunFolder


def episode(task, seed, success, *, aborted=False, bag=True):
    result = EpisodeResult(
        task,
        seed,
        success,
        4,
        success,
        not success and not aborted,
        aborted,
        f'{task}-{seed}{"-aborted" if aborted else ""}',
    )
    frames = np.random.default_rng(seed).integers(0, 255, (4, 24, 24, 3), np.uint8)
    return result, f'do <{task}>', {'front': frames, 'wrist': frames} if bag else None


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    def episodes(new):
        return [
            episode('door-open', 0, True),
            episode('door-open', 1, False),
            episode('drawer-open', 0, True),
            episode('drawer-open', 1, True),
            episode('drawer-open', 2, False, aborted=True, bag=False),
            episode('door-open-new', 0, new),
            episode('door-open-new', 1, new),
        ]

    path = evaluated_run(
        tmp_path_factory.mktemp('runs') / 'demo',
        {'stage0': episodes(False), 'stage1': episodes(True), 'stage2': episodes(True)},
    )
    write_report(path)
    return path


def test_suggested_commands_quote_any_path(tmp_path):
    folder = tmp_path / "Anna's 1st run"
    tasks = {'rl': ['door-open-new'], 'expert': [], 'held_out': []}
    first, second, _, last = (
        shlex.split(command) for _, command in next_steps(folder, 'stage2', tasks)
    )
    for command in (first, second):
        assert f'checkpoint:={folder}/stage2/checkpoint' in command
    assert last == ['python', '-m', 'irevla_learner.report', str(folder)]


@pytest.fixture
def run(finished, tmp_path):
    """Return a copy of the finished run that a test may change."""
    return shutil.copytree(finished, tmp_path / 'demo')


def test_dropped_steps_are_reported(run):
    file = run / 'stage1/evaluation/results.json'
    rows = json.loads(file.read_text())
    rows[-1]['dropped'] = 2
    file.write_text(json.dumps(rows))
    manifest = json.loads((run / 'manifest.json').read_text())
    manifest['steps']['collect']['results'] = {'dropped': 31}
    (run / 'manifest.json').write_text(json.dumps(manifest))
    write_report(run)
    markdown = (run / 'report.md').read_text()
    assert '| door-open-new | 0/2 | 2/2 (2 steps dropped) | 2/2 |' in markdown
    assert '31 steps of the demonstrations have no complete observation' in markdown
    assert '<small>2 steps dropped</small>' in (run / 'report.html').read_text()
    assert json.loads((run / 'report.json').read_text())['stage1']['groups']['rl']['dropped'] == 2


def test_json_has_the_documented_keys(finished):
    report = json.loads((finished / 'report.json').read_text())
    assert report['stages'] == ['stage0', 'stage1', 'stage2']
    for stage in report['stages']:
        figures = report[stage]
        assert figures['tasks'] == figures['expert']
        assert {
            task: (one['successes'], one['episodes']) for task, one in figures['expert'].items()
        } == {'door-open': (1, 2), 'drawer-open': (2, 2)}
        assert figures['success_rate'] == 0.75
        assert figures['aborted'] == 1
        assert figures['held_out'] == {}
        new = figures['rl']['door-open-new']
        assert (new['successes'], new['episodes']) == (0 if stage == 'stage0' else 2, 2)
    assert [report[stage]['env_steps'] for stage in report['stages']] == [0, 900, 0]
    assert [report[stage]['updates'] for stage in report['stages'][1:]] == [1800, 200]
    assert list(report['wall_s']) == ['setup', 'collect', 'train', 'stage1', 'stage2', 'evaluate']
    assert report['wall_s']['setup'] == 61.5
    assert all(seconds >= 0 for seconds in report['wall_s'].values())
    assert report['seed'] == 7
    assert report['notes'] == []
    assert report['environment']['cores'] >= 1
    assert report['environment']['python'] == sys.version.split()[0]


def test_html_needs_no_other_file_than_the_videos(finished):
    page = (finished / 'report.html').read_text()
    for name in ('improvement', 'evaluation'):
        assert f'src="videos/{name}.mp4"' in page
    # Pictures of the RL task after each stage, and of two expert tasks.
    assert page.count('src="data:image/jpeg;base64,') == 5
    assert page.count('src=') == 7
    for outside in ('http://', 'https://', '<script', '<link', '@import'):
        assert outside not in page.replace('http://www.w3.org', '')


def test_html_escapes_instructions(finished):
    page = (finished / 'report.html').read_text()
    assert 'do &lt;door-open&gt;' in page
    assert '<door-open>' not in page


def test_html_shows_headline_tasks_curves_and_graph(finished):
    page = (finished / 'report.html').read_text()
    assert '75\N{NO-BREAK SPACE}%' in page
    for text in (
        'door-open',
        '1 aborted',
        'validation',
        'command_mux',
        'prefers-color-scheme',
        'zero-shot',
        'learner',
    ):
        assert text in page


def test_inline_pictures_are_well_formed(finished):
    page = (finished / 'report.html').read_text()
    pictures = [part.split('</svg>')[0] for part in page.split('<svg')[1:]]
    assert len(pictures) == 5
    for picture in pictures:
        ElementTree.fromstring(f'<svg{picture}</svg>')


def test_markdown_has_a_row_for_each_task(finished):
    lines = (finished / 'report.md').read_text().splitlines()
    rows = [
        [cell.strip() for cell in line.split('|')[1:-1]]
        for line in lines
        if line.startswith('| d')
    ]
    assert rows == [
        ['door-open', *['1/2'] * 3],
        ['drawer-open', *['2/2 (1 aborted)'] * 3],
        ['door-open-new', '0/2', '2/2', '2/2'],
    ]
    table = lines.index('| task | stage0 | stage1 | stage2 |')
    assert all(line.startswith('|') for line in lines[table : table + 5]), 'one table'


def test_plots_and_videos_are_written(finished):
    for name in ('success', 'learning_stage1', 'loss_stage0', 'loss_stage2'):
        assert (finished / 'plots' / f'{name}.png').read_bytes().startswith(b'\x89PNG')
    for name in ('improvement', 'evaluation'):
        with av.open(str(finished / 'videos' / f'{name}.mp4')) as container:
            assert sum(1 for _ in container.decode(video=0)) == 4 + 12


def test_the_command_writes_the_same_report_again(run):
    before = (run / 'report.json').read_bytes(), (run / 'report.html').read_bytes()
    for name in ('report.json', 'report.html', 'report.md'):
        (run / name).unlink()
    command = [sys.executable, '-m', 'irevla_learner.report', str(run)]
    subprocess.run(command, check=True, timeout=120)
    assert (run / 'report.json').read_bytes() == before[0]
    assert len((run / 'report.html').read_bytes()) == pytest.approx(len(before[1]), abs=200)


def test_missing_and_damaged_recordings_are_reported(run):
    bags = run / 'stage2/evaluation/worker0'
    shutil.rmtree(bags / 'door-open-1')
    bag = next((bags / 'drawer-open-0').glob('*.mcap'))
    bag.write_bytes(bag.read_bytes()[:-200])
    write_report(run)
    report = json.loads((run / 'report.json').read_text())
    assert len(report['notes']) == 2
    assert 'drawer-open-0' in report['notes'][0]
    assert 'door-open-1 (door-open) has no bag' in report['notes'][1]
    assert 'Missing data' in (run / 'report.html').read_text()


def test_report_without_recordings_and_metrics_is_written(tmp_path):
    path = evaluated_run(tmp_path / 'run', {'stage0': [episode('door-open', 0, True, bag=False)]})
    (path / 'stage0/training/metrics.jsonl').unlink()
    write_report(path)
    assert '<video' not in (path / 'report.html').read_text()
    (note,) = json.loads((path / 'report.json').read_text())['notes']
    assert 'no evaluated episode was recorded' in note


def test_report_is_written_while_the_run_is_open(run):
    with RunFolder(run):
        write_report(run)


@pytest.mark.parametrize('missing', ['manifest.json', 'stage0/evaluation/results.json'])
def test_run_without_its_results_is_refused(run, missing):
    (run / missing).unlink()
    for stage in ('stage1', 'stage2'):
        shutil.rmtree(run / stage)
    with pytest.raises(IrevlaError, match=missing):
        write_report(run)


def test_episodes_alternate_between_tasks_independent_of_outcome():
    results = [
        episode(task, seed, seed == 1, aborted=task == 'b' and seed == 0)[0]
        for task in 'ba'
        for seed in (1, 0, 2)
    ]
    assert [(result.task, result.seed) for result in in_turns(results)] == [
        ('a', 0),
        ('b', 1),
        ('a', 1),
        ('b', 2),
        ('a', 2),
    ]


def test_training_figures_are_the_last_values():
    rows = [
        {'step': 1, 'loss': 3.0},
        {'step': 1, 'validation_loss': 4.0},
        {'step': 2, 'loss': 2.0, 'gradient_norm': 1.0},
    ]
    figures = training_figures(rows)
    assert figures == {
        'step': 2,
        'loss': 2.0,
        'validation_loss': 4.0,
        'samples_per_s': None,
        'data_wait_share': None,
    }


def test_numbers_have_units_and_separators():
    assert percent(0.783) == '78\N{NO-BREAK SPACE}%'
    assert percent(None) == '–'
    assert number(12345.678, 1) == '12 345.7'
    assert [duration(seconds) for seconds in (None, 0.4, 59.6, 245, 3720)] == [
        '–',
        '0 s',
        '1 min 00 s',
        '4 min 05 s',
        '1 h 02 min',
    ]


def test_interval_is_drawn_to_scale():
    bar = interval_bar({'interval': [0.25, 0.75], 'success_rate': 0.5})
    assert 'left: 25.00%; width: 50.00%' in bar
    assert '<u style="left: 50.00%">' in bar
    assert '<u' not in interval_bar({'interval': [0.0, 1.0], 'success_rate': None})
