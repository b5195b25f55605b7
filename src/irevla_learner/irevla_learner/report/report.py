# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The report of a run: JSON for programs, Markdown and HTML for people, plots and videos.

`python -m irevla_learner.report RUN_FOLDER` writes it again from the contents of the folder.
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
import sys
from typing import Any

from irevla_control.errors import IrevlaError
from irevla_learner.json_file import write_json
from irevla_learner.report import plots
from irevla_learner.report.clips import clips, in_turns
from irevla_learner.report.pages import Picture, write_pages
from irevla_learner.report.video import Clip, VideoError, write_video
from irevla_learner.runs.evaluation import EpisodeResult, load_results, summarise
from irevla_learner.runs.run_folder import RunFolderError, read_manifest
from irevla_learner.runs.task_groups import GROUPS
from irevla_policy.metrics_log import read_metrics

PHASES = ('setup', 'collect', 'train', 'stage1', 'stage2', 'evaluate')
# Five pages of six clips: about half a minute.
VIDEO_CLIPS = 30
# Number of rows of the video that shows the same episodes after each stage.
COMPARED = 6
STRIPS = 12


def write_report(run_folder: Path) -> None:
    """Write report.json, report.md, report.html, plots/ and videos/ into a run folder.

    Raises IrevlaError if the manifest or an evaluation's results are missing or damaged. Other
    missing files (recordings, metrics) are left out and reported under `notes`.
    """
    run_folder = Path(run_folder)
    manifest = read_manifest(run_folder)
    results = evaluated_stages(run_folder)
    notes: list[str] = []
    report = {
        **{stage: stage_figures(manifest, stage, of_stage) for stage, of_stage in results.items()},
        'stages': list(results),
        'tasks': manifest['config']['tasks'],
        'wall_s': wall_seconds(manifest),
        'seed': manifest['seed'],
        'run_id': manifest['run_id'],
        'created': manifest['created'],
        'git_revision': _revisions(manifest),
        'environment': manifest['environment'],
        'training': {
            stage: training_figures(metrics)
            for stage, metrics in _metrics(
                run_folder / stage / 'training' for stage in results
            ).items()
        },
    }
    dropped = manifest['steps'].get('collect', {}).get('results', {}).get('dropped')
    if dropped:
        notes.append(
            f'{dropped} steps of the demonstrations have no complete observation, and '
            'are left out of the training'
        )
    pictures = draw_plots(run_folder, report)
    strips = []
    if any(run_folder.glob('*/evaluation/**/metadata.yaml')):
        strips = [
            (result, clip)
            for stage, chosen in _strips(results, report).items()
            for result, clip in _labelled(run_folder, stage, chosen, notes)
        ]
    else:
        notes.append('no evaluated episode was recorded, so no pictures and videos are shown')
    videos = write_videos(run_folder, results, report['tasks']['rl'], notes) if strips else []
    report['notes'] = list(dict.fromkeys(notes))
    write_json(run_folder / 'report.json', report)
    write_pages(run_folder, report, pictures, strips, videos)


def evaluated_stages(run_folder: Path) -> dict[str, list[EpisodeResult]]:
    """Return the results of each stage that was evaluated, in the order of Algorithm 1.

    Raises:
        RunFolderError: there is none.
        EvaluationError: results are damaged.

    """

    def place(stage: str) -> tuple[int, str]:
        kind, _, number = stage.partition('-')
        return (0 if kind == 'stage0' else int(number or 1)), kind

    files = run_folder.glob('stage*/evaluation/results.json')
    stages = sorted((file.parts[-3] for file in files), key=place)
    if not stages:
        raise RunFolderError(
            f'{run_folder} has no stage0/evaluation/results.json; continue '
            'the run to its first evaluation'
        )
    return {
        stage: load_results(run_folder / stage / 'evaluation' / 'results.json') for stage in stages
    }


def stage_figures(
    manifest: Mapping[str, Any], stage: str, results: list[EpisodeResult]
) -> dict[str, Any]:
    """Return the figures of a stage: `tasks` and the whole are those of the expert tasks.

    `expert`, `rl` and `held_out` contain each task's; `env_steps` and `updates` the effort.
    """
    groups = {
        group: summarise(
            result for result in results if result.task in manifest['config']['tasks'][group]
        )
        for group in GROUPS
    }
    effort = {'env_steps': 0, 'updates': 0}
    # Stage 0 is the step `train`, in a run that has one.
    effort |= manifest['steps'].get('train' if stage == 'stage0' else stage, {}).get('results', {})
    return {
        **groups['expert'],
        **{group: figures['tasks'] for group, figures in groups.items()},
        'groups': {
            group: {key: value for key, value in figures.items() if key != 'tasks'}
            for group, figures in groups.items()
            if figures['tasks']
        },
        **effort,
    }


def draw_plots(run_folder: Path, report: Mapping[str, Any]) -> list[Picture]:
    """Write plots/*.png; return the plots of the page, in order."""
    stages = report['stages']
    # Stages of later tasks have the colours of the first task's.
    colours = [plots.CYCLE[int(stage.removeprefix('stage')[0])] for stage in stages]
    drawn = [
        (
            'success',
            'Success after each stage',
            plots.groups_chart(
                {f'after {title(stage).lower()}': report[stage]['groups'] for stage in stages},
                colours,
            ),
        )
    ]
    for stage in stages:
        rows = read_metrics(run_folder / stage)
        if rows:
            drawn.append(
                (
                    f'learning_{stage}',
                    f'{title(stage)}: {report[stage].get("task", "")} online',
                    plots.learning_chart(rows),
                )
            )
    for stage, rows in _metrics(run_folder / stage / 'training' for stage in stages).items():
        drawn.append(
            (f'loss_{stage}', f'{title(stage)}: supervised training', plots.loss_chart(rows))
        )
    pictures = []
    for name, caption, figure in drawn:
        path = Path('plots') / f'{name}.png'
        plots.save_png(figure, run_folder / path)
        pictures.append(Picture(path, caption, plots.svg_text(figure)))
    return pictures


def title(stage: str) -> str:
    """Return a stage's name for people: `stage2-3` as 'Stage 2, task 3'."""
    kind, _, number = stage.partition('-')
    return f'Stage {kind.removeprefix("stage")}' + (f', task {number}' if number else '')


def write_videos(
    run_folder: Path,
    results: Mapping[str, list[EpisodeResult]],
    new_tasks: list[str],
    notes: list[str],
) -> list[tuple[Path, str]]:
    """Write the videos; return path and caption of each."""
    last = list(results)[-1]
    compared = {
        stage: in_turns(result for result in of_stage if result.task in new_tasks)[:COMPARED]
        for stage, of_stage in results.items()
    }
    columns = [
        {
            (result.task, result.seed): clip
            for result, clip in _labelled(run_folder, stage, chosen, notes)
        }
        for stage, chosen in compared.items()
    ]
    side_by_side = [
        column[episode]
        for episode in columns[0]
        if all(episode in column for column in columns)
        for column in columns
    ]
    videos = [
        (
            Path('videos/improvement.mp4'),
            'The same new-task episodes after each stage, by seed',
            side_by_side,
            len(results),
        ),
        (
            Path('videos/evaluation.mp4'),
            f'After {title(last).lower()}: the first episodes of '
            'each task by seed, whatever their outcome',
            (
                clip
                for _, clip in clips(
                    in_turns(results[last])[:VIDEO_CLIPS], run_folder / last / 'evaluation', notes
                )
            ),
            3,
        ),
    ]
    written = []
    for path, caption, chosen, width in videos:
        try:
            write_video(run_folder / path, chosen, columns=width)
            written.append((path, caption))
        except VideoError as error:
            notes.append(f'{path}: {error}')
    return written


def wall_seconds(manifest: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the wall time of each phase of the run [s]; None: unknown."""
    seconds = dict.fromkeys(PHASES) | manifest.get('wall_s', {})
    for name, step in manifest['steps'].items():
        # `evaluate stage0` counts as evaluate, `stage1-2` as stage1.
        phase = name.split(' ')[0].split('-')[0]
        seconds[phase] = round((seconds.get(phase) or 0.0) + step['wall_s'], 3)
    return seconds


def training_figures(metrics: list[dict[str, float]]) -> dict[str, float | None]:
    """Return the last value of each figure of a training in the report."""
    figures: dict[str, float | None] = dict.fromkeys(
        ('step', 'loss', 'validation_loss', 'samples_per_s', 'data_wait_share')
    )
    for row in metrics:
        figures |= {key: row[key] for key in figures if key in row}
    return figures


def _metrics(folders: Iterator[Path]) -> dict[str, list[dict[str, float]]]:
    """Return the metrics of all trainings, by stage."""
    found = {folder.parent.name: read_metrics(folder) for folder in folders}
    return {stage: rows for stage, rows in found.items() if rows}


def _strips(
    results: Mapping[str, list[EpisodeResult]], report: Mapping[str, Any]
) -> dict[str, list[EpisodeResult]]:
    """Choose the first episode of new tasks after each stage, of others after the last."""
    last = list(results)[-1]
    new = report['tasks']['rl']
    return {
        stage: in_turns(result for result in of_stage if result.task in new or stage == last)[
            : len(new) if stage != last else min(STRIPS, len({r.task for r in of_stage}))
        ]
        for stage, of_stage in results.items()
    }


def _labelled(
    run_folder: Path, stage: str, chosen: list[EpisodeResult], notes: list[str]
) -> Iterator[tuple[EpisodeResult, Clip]]:
    for result, clip in clips(chosen, run_folder / stage / 'evaluation', notes):
        yield result, replace(clip, label=f'{title(stage).lower()}: {clip.label}')


def _revisions(manifest: Mapping[str, Any]) -> str | None:
    """Return the commit of the sources; several if the run was continued with others."""
    found = dict.fromkeys(
        step['git_revision'] for step in manifest['steps'].values() if step['git_revision']
    )
    return ', '.join(found) or None


def main() -> None:
    """Write the report of a run folder."""
    parser = argparse.ArgumentParser(description='Write the report of a run again.')
    parser.add_argument('run_folder', type=Path, help='such as runs/demo')
    folder = parser.parse_args().run_folder
    try:
        write_report(folder)
    except IrevlaError as error:
        sys.exit(f'report: {error}')
    print(folder / 'report.html')
