# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Training batches; the frames of a batch depend on seed and step only."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
import hashlib
from typing import Protocol

import numpy as np

from irevla_control.errors import ConfigError
from irevla_policy.chunks import chunks_from
from irevla_policy.frames.frame_store import FrameStore


@dataclass(frozen=True)
class Batch:
    """Frames of one training step.

    Attributes:
        images: uint8 (B, cameras, height, width, 3) RGB.
        states: float32 (B, 10); not normalised.
        actions: float32 (B, k * 7), the actions of the frame and of the k - 1 after it; not
            normalised.
        instructions: instruction of each frame.
        inside: bool (B, k), whether the episode has that action; None: it has all.
    """

    images: np.ndarray
    states: np.ndarray
    actions: np.ndarray
    instructions: list[str]
    inside: np.ndarray | None = None


class BatchSource(Protocol):
    """The trainer's source of batches."""

    def batch(self, seed: Sequence[int], size: int) -> Batch:
        """Return the random batch of this seed."""

    def digest(self) -> str:
        """Return a short text that changes with the batches."""


class Dataset:
    """Random batches from some episodes of a store."""

    def __init__(
        self,
        store: FrameStore,
        episodes: Sequence[int] | None = None,
        task_weights: Mapping[str, float] | None = None,
        chunk_size: int = 1,
    ) -> None:
        """Use these episodes of the store (default: all), with chunks of k actions as labels.

        All frames are equally likely unless ``task_weights`` gives a weight of each task; tasks
        without a weight are then never drawn.

        Raises:
            ConfigError: no episodes, or weights that exclude all of them.
        """
        self.store = store
        self.episodes = list(range(len(store.episodes)) if episodes is None else episodes)
        if not self.episodes:
            raise ConfigError('a dataset needs at least one episode')
        rows = [store.episodes[index] for index in self.episodes]
        self._frames = np.concatenate([np.arange(row.start, row.stop) for row in rows])
        self._instructions = [row.instruction for row in store.episodes]
        self._starts = np.array([row.start for row in store.episodes])
        self._stops = np.array([row.stop for row in store.episodes])
        self._chunk_size = chunk_size
        self._probabilities = None
        if task_weights is not None:
            tasks = np.repeat([row.task for row in rows], [row.stop - row.start for row in rows])
            self._probabilities = np.zeros(len(tasks))
            for task, weight in task_weights.items():
                of_task = tasks == task
                if weight and not of_task.any():
                    raise ConfigError(
                        f'task {task!r} has weight {weight} but no episodes; the '
                        f'data contains {", ".join(sorted(set(tasks)))}'
                    )
                self._probabilities[of_task] = weight / max(of_task.sum(), 1)
            if not self._probabilities.sum() > 0:
                raise ConfigError('the task weights leave nothing to draw')
            self._probabilities /= self._probabilities.sum()

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._frames)

    @property
    def instructions(self) -> list[str]:
        """Return all instructions, sorted."""
        return sorted({self._instructions[index] for index in self.episodes})

    def digest(self) -> str:
        """Return a short hash of the episodes, their later labels' policy, and the weights."""
        digest = hashlib.sha256(self._frames.tobytes() + self.store.labelled_by.encode())
        for index in self.episodes:
            digest.update(repr(self.store.episodes[index]).encode())
        if self._probabilities is not None:
            digest.update(self._probabilities.tobytes())
        return digest.hexdigest()[:16]

    def batch(self, seed: Sequence[int], size: int) -> Batch:
        """Return the random batch of this seed, for example ``(seed, step)``."""
        generator = np.random.default_rng(list(seed))
        if self._probabilities is None:
            drawn = generator.integers(len(self._frames), size=size)
        else:
            drawn = generator.choice(len(self._frames), size, p=self._probabilities)
        return self._take(self._frames[drawn])

    def batches(self, size: int, limit: int | None = None) -> Iterator[Batch]:
        """Yield all frames in order, or ``limit`` evenly spaced frames."""
        count = min(limit or len(self._frames), len(self._frames))
        chosen = self._frames[np.arange(count) * len(self._frames) // count]
        for start in range(0, count, size):
            yield self._take(chosen[start : start + size])

    def _take(self, frames: np.ndarray) -> Batch:
        episodes = np.searchsorted(self._starts, frames, side='right') - 1
        actions, inside = chunks_from(
            self.store.actions, frames, self._stops[episodes], self._chunk_size
        )
        return Batch(
            self.store.images[frames],
            self.store.states[frames].astype(np.float32),
            actions.reshape(len(frames), -1).astype(np.float32),
            [self._instructions[index] for index in episodes],
            inside if self._chunk_size > 1 else None,
        )


class Mixture:
    """Batches with a fixed share of frames from each dataset (stage 2, equation 4)."""

    def __init__(self, datasets: Sequence[tuple[Dataset, float]]) -> None:
        """Mix datasets with these shares, which are normalised to a sum of one."""
        total = sum(share for _, share in datasets)
        if not total > 0 or any(share < 0 for _, share in datasets):
            raise ConfigError(
                f'shares {[share for _, share in datasets]} of a mixture; none may '
                'be negative and one must be positive'
            )
        self._datasets = [(dataset, share / total) for dataset, share in datasets]

    @property
    def instructions(self) -> list[str]:
        """Return every instruction that occurs, sorted."""
        return sorted({text for dataset, _ in self._datasets for text in dataset.instructions})

    def digest(self) -> str:
        """Return the digests and shares of all parts."""
        return ' '.join(f'{dataset.digest()}*{share:g}' for dataset, share in self._datasets)

    def batch(self, seed: Sequence[int], size: int) -> Batch:
        """Return the random batch of this seed; shares are rounded to whole frames."""
        edges = np.rint(size * np.cumsum([0, *(share for _, share in self._datasets)])).astype(int)
        parts = [
            dataset.batch((*seed, index), stop - start)
            for index, ((dataset, _), start, stop) in enumerate(
                zip(self._datasets, edges[:-1], edges[1:])
            )
            if stop > start
        ]
        inside = [part.inside for part in parts if part.inside is not None]
        return Batch(
            np.concatenate([part.images for part in parts]),
            np.concatenate([part.states for part in parts]),
            np.concatenate([part.actions for part in parts]),
            [text for part in parts for text in part.instructions],
            np.concatenate(inside) if inside else None,
        )


def split_by_episode(
    store: FrameStore,
    validation_share: float,
    seed: int,
    task_weights: Mapping[str, float] | None = None,
    chunk_size: int = 1,
) -> tuple[Dataset, Dataset | None]:
    """Return training and validation datasets without a common episode or part of one.

    The share applies to each task, and at least one episode of each task is for training. Without
    an episode for validation, the second dataset is None.
    """
    generator = np.random.default_rng(seed)
    recordings = store.recordings
    tasks = [{store.episodes[row].task for row in rows} for rows in recordings]
    trained = Counter(task for of_recording in tasks for task in of_recording)
    held_out: set[int] = set()
    for task in sorted(trained):
        candidates = [index for index, of_recording in enumerate(tasks) if task in of_recording]
        wanted = int(np.ceil(validation_share * len(candidates)))
        generator.shuffle(candidates)
        for index in candidates:
            if len(held_out.intersection(candidates)) >= wanted:
                break
            if index not in held_out and all(trained[each] > 1 for each in tasks[index]):
                held_out.add(index)
                trained.subtract(tasks[index])

    def of(indices: Iterable[int]) -> list[int]:
        return sorted(row for index in indices for row in recordings[index])

    training = of(set(range(len(recordings))) - held_out)
    return (
        Dataset(store, training, task_weights, chunk_size),
        Dataset(store, of(held_out), chunk_size=chunk_size) if held_out else None,
    )
