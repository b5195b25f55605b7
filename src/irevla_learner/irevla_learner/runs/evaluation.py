# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Results of evaluated episodes and their statistics."""

from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, fields
import json
from math import sqrt
from pathlib import Path
from typing import Any

from irevla_control.errors import IrevlaError
from irevla_learner.json_file import write_json

# Standard normal quantile at 0.975: intervals of 95 %.
Z95 = 1.959963984540054


class EvaluationError(IrevlaError):
    """Results of episodes that are inconsistent or cannot be read."""


@dataclass(frozen=True)
class EpisodeResult:
    """How one episode ended.

    Attributes:
        task: name of the task.
        seed: seed of the episode's layout.
        success: whether the task was solved at some step.
        steps: number of environment steps.
        terminated: the task ended the episode.
        truncated: the horizon ended it.
        aborted: a cause outside the task ended it (a fault, a lost node, Ctrl-C); such an
            episode is not counted.
        episode_id: identifier of its recording.
        dropped: number of recorded steps without a complete observation.

    """

    task: str
    seed: int
    success: bool
    steps: int
    terminated: bool
    truncated: bool
    aborted: bool
    episode_id: str
    dropped: int = 0

    def __post_init__(self) -> None:
        """Raise EvaluationError if the fields are inconsistent."""
        for field in fields(self):
            if type(getattr(self, field.name)) is not field.type:
                kind = getattr(field.type, '__name__', field.type)
                raise EvaluationError(
                    f'{field.name} is {getattr(self, field.name)!r}; '
                    f'a value of type {kind} is needed in {self}'
                )
        if not self.task or self.steps < 0 or self.dropped < 0:
            raise EvaluationError(
                f'a task, and steps and dropped of 0 or more are needed in {self}'
            )
        if not (self.terminated or self.truncated or self.aborted):
            raise EvaluationError(f'not ended (neither terminated, truncated nor aborted): {self}')
        if self.aborted and self.success:
            raise EvaluationError(f'aborted, yet a success: {self}')


@dataclass(frozen=True)
class TaskScore:
    """Successes among the episodes of a task, without aborted ones."""

    successes: int
    episodes: int

    def __post_init__(self) -> None:
        """Raise EvaluationError unless 0 <= successes <= episodes."""
        if not 0 <= self.successes <= self.episodes:
            raise EvaluationError(f'{self.successes} successes in {self.episodes} episodes')

    @property
    def rate(self) -> float | None:
        """Success rate; None without episodes."""
        return self.successes / self.episodes if self.episodes else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the success probability; (0, 1) without episodes."""
        if not self.episodes:
            return 0.0, 1.0
        n, z2 = self.episodes, Z95 * Z95
        centre = self.successes + z2 / 2
        spread = Z95 * sqrt(self.successes * (n - self.successes) / n + z2 / 4)
        low, high = (centre - spread) / (n + z2), (centre + spread) / (n + z2)
        # Exact bounds in place of rounded ones.
        return (low if self.successes else 0.0), (high if self.successes < n else 1.0)


def summarise(results: Iterable[EpisodeResult]) -> dict[str, Any]:
    """Return {'tasks': {task: {...}}, 'success_rate': ..., ...} as JSON values.

    Each task and the whole hold `successes`, `episodes` (those not aborted), `aborted`,
    `success_rate` (None without episodes), `interval` (Wilson, 95 %), `mean_steps` and `dropped`
    (steps without a complete observation). The whole pools the episodes of all tasks. An episode
    that counts twice raises EvaluationError.
    """
    results = list(results)
    counted: set[tuple[str, int]] = set()
    for result in results:
        key = result.task, result.seed
        if not result.aborted and key in counted:
            raise EvaluationError(
                f'task {result.task!r} with seed {result.seed} counts twice; '
                'evaluate each seed once'
            )
        if not result.aborted:
            counted.add(key)
    tasks = sorted({result.task for result in results})
    return {
        'tasks': {
            task: _figures([result for result in results if result.task == task]) for task in tasks
        },
        **_figures(results),
    }


def save_results(path: Path, results: Iterable[EpisodeResult]) -> None:
    """Write the results as a JSON list, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, [asdict(result) for result in results])


def load_results(path: Path) -> list[EpisodeResult]:
    """Read what `save_results` wrote; raises EvaluationError with the file and the reason."""
    try:
        rows = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise EvaluationError(f'cannot read {path}: {error}; evaluate again') from error
    if not isinstance(rows, list):
        raise EvaluationError(f'{path} contains no list; evaluate again')
    names = {field.name for field in fields(EpisodeResult)}
    needed = {field.name for field in fields(EpisodeResult) if field.default is MISSING}
    results = []
    for number, row in enumerate(rows):
        if not isinstance(row, dict) or not needed <= row.keys() <= names:
            raise EvaluationError(
                f'{path}, entry {number}: {row!r} needs exactly the keys '
                f'{sorted(names)} ({sorted(names - needed)} may be left out); '
                'evaluate again'
            )
        try:
            results.append(EpisodeResult(**row))
        except EvaluationError as error:
            raise EvaluationError(f'{path}, entry {number}: {error}') from error
    return results


def _figures(results: list[EpisodeResult]) -> dict[str, Any]:
    valid = [result for result in results if not result.aborted]
    score = TaskScore(sum(result.success for result in valid), len(valid))
    return {
        'successes': score.successes,
        'episodes': score.episodes,
        'aborted': len(results) - len(valid),
        'success_rate': score.rate,
        'interval': list(score.interval),
        'mean_steps': sum(r.steps for r in valid) / len(valid) if valid else None,
        'dropped': sum(result.dropped for result in valid),
    }
