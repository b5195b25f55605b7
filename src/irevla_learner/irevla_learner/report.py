# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The report of a run: JSON for programs, Markdown and HTML for people, plots and a video.

`python -m irevla_learner.report RUN_FOLDER` writes all of it anew from what the folder holds.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
import sys
from typing import Any

from irevla_control.errors import IrevlaError
from irevla_learner import plots
from irevla_learner.episode_clips import clips, in_turns
from irevla_learner.evaluation import load_results, summarise
from irevla_learner.json_file import write_json
from irevla_learner.report_pages import write_pages
from irevla_learner.run_folder import read_manifest
from irevla_learner.video import VideoError, write_video
from irevla_policy.training_log import read_metrics

PHASES = ('setup', 'collect', 'train', 'evaluate')
VIDEO = Path('videos/evaluation.mp4')
# Five pages of six: about half a minute.
VIDEO_CLIPS = 30
STRIPS = 12


def write_report(run_folder: Path) -> None:
    """Write report.json, report.md, report.html, plots/ and videos/ into a run folder.

    Raises IrevlaError when the manifest or the evaluation's results are missing or damaged. What
    else is missing (recordings, metrics) is left out, and told under `notes`.
    """
    run_folder = Path(run_folder)
    manifest = read_manifest(run_folder)
    results = load_results(run_folder / 'evaluation' / 'results.json')
    metrics = read_metrics(run_folder / 'train')
    notes: list[str] = []
    stage = manifest['stage']
    summary = summarise(results, stage)

    chosen = in_turns(results)
    strips = list(clips(chosen[:min(STRIPS, len(summary[stage]['tasks']))],
                        run_folder / 'evaluation', notes))
    video = None
    if strips:
        shown = clips(chosen[:VIDEO_CLIPS], run_folder / 'evaluation', notes)
        try:
            write_video(run_folder / VIDEO, (clip for _, clip in shown))
            video = VIDEO
        except VideoError as error:
            notes.append(str(error))
    success = plots.success_chart(summary[stage]['tasks'])
    plots.save_png(success, run_folder / 'plots' / 'success.png')
    loss = plots.loss_chart(metrics) if metrics else None
    if loss:
        plots.save_png(loss, run_folder / 'plots' / 'loss.png')
    else:
        notes.append('no metrics of the training were found, so no curves are shown')

    report = summary | {
        'wall_s': wall_seconds(manifest), 'seed': manifest['seed'],
        'run_id': manifest['run_id'], 'created': manifest['created'],
        'git_revision': _revisions(manifest), 'training': training_figures(metrics),
        'environment': manifest['environment'], 'notes': list(dict.fromkeys(notes))}
    write_json(run_folder / 'report.json', report)
    write_pages(run_folder, stage, report, strips,
                plots.svg_text(loss) if loss else None, video)


def wall_seconds(manifest: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the wall seconds of each phase of the run; None for one that is not known."""
    steps = {name: step['wall_s'] for name, step in manifest['steps'].items()}
    return dict.fromkeys(PHASES) | manifest.get('wall_s', {}) | steps


def training_figures(metrics: list[dict[str, float]]) -> dict[str, float | None]:
    """Return the last value of each figure of the training that the report tells."""
    figures: dict[str, float | None] = dict.fromkeys(
        ('step', 'loss', 'validation_loss', 'samples_per_s', 'data_wait_share'))
    for row in metrics:
        figures |= {key: row[key] for key in figures if key in row}
    return figures


def _revisions(manifest: Mapping[str, Any]) -> str | None:
    """Return the commit of the sources; several when the run went on with other ones."""
    found = dict.fromkeys(step['git_revision'] for step in manifest['steps'].values()
                          if step['git_revision'])
    return ', '.join(found) or None


def main() -> None:
    """Write a report anew."""
    parser = argparse.ArgumentParser(description='Write the report of a run anew.')
    parser.add_argument('run_folder', type=Path, help='such as runs/demo')
    folder = parser.parse_args().run_folder
    try:
        write_report(folder)
    except IrevlaError as error:
        sys.exit(f'report: {error}')
    print(folder / 'report.html')


if __name__ == '__main__':
    main()
