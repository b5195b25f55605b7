# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Metrics of a training or learning: JSON lines, curves, and TensorBoard where wanted."""

import json
from pathlib import Path

from irevla_control.files import write_synced

METRICS = 'metrics.jsonl'


class MetricsLog:
    """Appends to ``metrics.jsonl``; each line has a step."""

    def __init__(self, folder: Path, step: int, tensorboard: bool = False) -> None:
        """Go on after ``step``: later lines, of a run that was killed, are dropped."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.rows = [row for row in read_metrics(folder) if row['step'] <= step]
        write_synced(folder / METRICS, ''.join(json.dumps(row) + '\n' for row in self.rows))
        self._file = (folder / METRICS).open('a')
        self._writer = None
        if tensorboard:
            # Imported on demand: it takes seconds.
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(folder / 'tensorboard', purge_step=step + 1)

    def add(self, step: int, **values: float) -> None:
        """Add one line; what is NaN is not known and left out."""
        values = {name: value for name, value in values.items() if value == value}
        row = {'step': step, **{name: round(value, 8) for name, value in values.items()}}
        self.rows.append(row)
        self._file.write(json.dumps(row) + '\n')
        self._file.flush()
        if self._writer:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def draw(self) -> None:
        """Draw the curves of loss and validation loss again, as `loss.png`."""
        # Imported on demand: the learner's node never draws.
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 4), layout='constrained')
        axes = figure.subplots()
        for key, style in (('loss', '-'), ('validation_loss', 'o-')):
            points = [(row['step'], row[key]) for row in self.rows if key in row]
            if points:
                axes.plot(*zip(*points), style, label=key.replace('_', ' '), markersize=4)
        axes.set(xlabel='step', ylabel='mean squared error of the normalised action', yscale='log')
        axes.grid(alpha=0.3)
        axes.legend()
        figure.savefig(self._folder / 'loss.png', dpi=100)

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self._writer:
            self._writer.close()


def read_metrics(folder: Path) -> list[dict]:
    """Return the lines of a training's metrics; a last line cut off by a kill is left out."""
    path = folder / METRICS
    rows = []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows
