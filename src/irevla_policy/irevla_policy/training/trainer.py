# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Supervised training of the whole VLA: stage 0 (equation 2) and stage 2 (equation 4)."""

from dataclasses import asdict, dataclass
import math
import os
from pathlib import Path
import time
from typing import Literal

from accelerate import Accelerator
from accelerate.utils import is_bf16_available
import torch
from torch import Tensor

from irevla_control.errors import ConfigError, IrevlaError
from irevla_control.observation import ACTION_SIZE
from irevla_control.progress_bar import progress_bar
from irevla_policy.checkpoints.checkpoint import save_checkpoint
from irevla_policy.checkpoints.stage0 import STAGE0
from irevla_policy.frames.dataset import Batch, BatchSource, Dataset
from irevla_policy.metrics_log import MetricsLog
from irevla_policy.model.tensors import trained_parameters
from irevla_policy.model.vla import VLA
from irevla_policy.training.augmentation import random_light, random_shift
from irevla_policy.training.config import TrainConfig
from irevla_policy.training.prefetch import Prefetcher
from irevla_policy.training.training_state import TrainingState, seed_step

# Said outright: otherwise accelerate takes several processes without a GPU for strangers.
CPU_ONLY = not torch.accelerator.is_available()
# Settings that may differ between a run that was killed and the run that goes on.
FREE_TO_CHANGE = (
    'threads',
    'tensorboard',
    'checkpoint_every',
    'log_every',
    'validate_every',
    'validation_frames',
)


class TrainingError(IrevlaError):
    """A training that cannot go on."""


@dataclass(frozen=True)
class TrainResult:
    """What a training gave.

    Attributes:
        checkpoint: folder of the policy with averaged weights.
        loss: mean squared error of the normalised action in the last logged steps.
        validation_loss: the same on held-out episodes; NaN without any.
        samples_per_s: over the steps of this process (a resumed run counts only its own).
        data_wait_share: share of the step time spent waiting for batches.
    """

    checkpoint: Path
    loss: float
    validation_loss: float
    samples_per_s: float
    data_wait_share: float


class Example:
    """A batch as tensors on a device, its values normalised."""

    def __init__(self, batch: Batch, vla: VLA) -> None:
        """Normalise with the statistics of ``vla``; nothing is moved yet."""
        self.images = torch.from_numpy(batch.images)
        self.states = torch.from_numpy(vla.statistics.normalise_state(batch.states))
        chunks = batch.actions.reshape(len(batch.actions), -1, ACTION_SIZE)
        actions = vla.statistics.normalise_action(chunks)
        self.actions = torch.from_numpy(actions.reshape(len(actions), -1))
        self.instructions = batch.instructions
        self.inside = None
        if batch.inside is not None:
            self.inside = torch.from_numpy(batch.inside.repeat(actions.shape[-1], 1))

    def to(self, device: torch.device) -> 'Example':
        """Move to a device, in place."""
        for name in ('images', 'states', 'actions'):
            setattr(self, name, getattr(self, name).to(device, non_blocking=True))
        if self.inside is not None:
            self.inside = self.inside.to(device, non_blocking=True)
        return self


def new_accelerator() -> Accelerator:
    """Return what places a training on this machine's devices and processes.

    Always without accelerate's mixed precision, of which a process may have one only: stages 0
    and 2 may differ, so `action_loss` does that part.
    """
    return Accelerator(cpu=CPU_ONLY, mixed_precision='no')


def action_loss(model: torch.nn.Module, example: Example, precision: str) -> Tensor:
    """Return the mean squared error of the normalised actions (equations 2 and 4).

    Actions of a chunk after the end of its episode have no loss, as in ACT.
    """
    with torch.autocast(example.states.device.type, torch.bfloat16, precision == 'bf16'):
        predicted = model(example.images, example.instructions, example.states)
    predicted, wanted = predicted.float(), example.actions
    if example.inside is not None:
        wanted = torch.where(example.inside, wanted, predicted.detach())
    return torch.nn.functional.mse_loss(predicted, wanted)


def learn(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    example: Example,
    config: TrainConfig,
    accelerator: Accelerator,
) -> tuple[Tensor, Tensor]:
    """Take one step of gradient descent; return the loss and the norm of the gradient."""
    loss = action_loss(model, example, config.precision)
    optimizer.zero_grad(set_to_none=True)
    accelerator.backward(loss)
    norm = accelerator.clip_grad_norm_(model.parameters(), config.gradient_clip)
    optimizer.step()
    return loss.detach(), norm


class Trainer:
    """One training, in one process or in as many as accelerate starts."""

    def __init__(
        self,
        vla: VLA,
        source: BatchSource,
        validation: Dataset | None,
        config: TrainConfig,
        output: Path,
        checkpoint: Path | None = None,
        stage0: TrainConfig | Literal['own'] | None = 'own',
    ) -> None:
        """Prepare everything and, where ``output`` contains a broken-off run, restore it."""
        if config.precision == 'bf16' and not is_bf16_available():
            raise ConfigError(
                "training setting precision is bf16; this machine's device has none, use 'no'"
            )
        if any(weight.requires_grad for weight in vla.backbone.parameters()):
            vla.config.check_trainable()
        self.accelerator = new_accelerator()
        self.vla, self.config, self.output = vla, config, Path(output)
        self.stage0 = config if stage0 == 'own' else stage0
        self.checkpoint = Path(checkpoint or self.output / 'checkpoint')
        self.source, self.validation = source, validation
        self.output.mkdir(parents=True, exist_ok=True)
        vla.to(self.accelerator.device).train()
        # First: what it finds to be without effect is not trained.
        vla.probe(learns=True)
        if vla.probed and self._main:
            print(f'probe of {vla.config.backbone.source}: {vla.probed}', flush=True)
        parameters = trained_parameters(vla)
        optimizer = torch.optim.AdamW(
            parameters.values(), config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.model, self.optimizer = self.accelerator.prepare(vla, optimizer)
        self.state = TrainingState(parameters, optimizer)
        self.identity = {
            name: value for name, value in asdict(config).items() if name not in FREE_TO_CHANGE
        }
        self.identity |= {
            'processes': self.accelerator.num_processes,
            'policy': vla.config.to_dict(),
            'data': source.digest(),
            'start': vla.latent_policy.digest(),
        }
        self.start = self.state.load(self.output, self.identity)

    def run(self) -> TrainResult:
        """Train to the last step, save the averaged weights as a checkpoint."""
        before = torch.get_num_threads()
        torch.set_num_threads(min(self.config.threads, len(os.sched_getaffinity(0))))
        try:
            return self._run()
        finally:
            torch.set_num_threads(before)

    def _run(self) -> TrainResult:
        config = self.config
        log = MetricsLog(self.output, self.start, config.tensorboard) if self._main else None
        prefetcher = Prefetcher(self._example, range(self.start, config.steps))
        bar = progress_bar(
            prefetcher,
            'training',
            config.steps,
            initial=self.start,
            unit='step',
            disable=not self._main,
        )
        started = logged = time.perf_counter()
        waited, losses = 0.0, []
        for step, example in bar:
            generator = seed_step((config.seed, step, self.accelerator.process_index))
            example.to(self.accelerator.device)
            example.images = random_light(
                random_shift(example.images, config.shift_pixels, generator),
                config.brightness,
                config.contrast,
                generator,
            )
            for group in self.optimizer.param_groups:
                group['lr'] = config.learning_rate_at(step)
            loss, norm = learn(self.model, self.optimizer, example, config, self.accelerator)
            self.state.update_average(step, config.ema)
            losses.append(loss)
            done = step + 1
            if log is None:
                continue
            save_due = done % config.checkpoint_every == 0 or done == config.steps
            if save_due or done % config.log_every == 0:
                # Before the state is saved, so that what is saved can always go on.
                mean = self._finite_mean(done, losses, norm)
            if done % config.log_every == 0 or done == config.steps:
                now = time.perf_counter()
                log.add(
                    done,
                    loss=mean,
                    learning_rate=config.learning_rate_at(step),
                    gradient_norm=float(norm),
                    samples_per_s=len(losses) * self._samples / (now - logged),
                    data_wait_share=(prefetcher.wait_s - waited) / (now - logged),
                )
                bar.set_postfix(loss=f'{mean:.4f}', refresh=False)
                logged, waited, losses = now, prefetcher.wait_s, []
            if self.validation and (done % config.validate_every == 0 or done == config.steps):
                before = time.perf_counter()
                log.add(done, validation_loss=self._validation_loss(self.validation))
                log.draw()
                logged += time.perf_counter() - before
            if save_due:
                self.state.save(self.output, done, self.identity)
        elapsed = time.perf_counter() - started
        return self._finish(log, elapsed, prefetcher.wait_s)

    @property
    def _main(self) -> bool:
        return self.accelerator.is_main_process

    @property
    def _samples(self) -> int:
        return self.config.batch_size * self.accelerator.num_processes

    def _example(self, step: int) -> Example:
        seed = (self.config.seed, step, self.accelerator.process_index)
        return Example(self.source.batch(seed, self.config.batch_size), self.vla)

    def _finite_mean(self, done: int, losses: list[Tensor], norm: Tensor) -> float:
        """Return the mean loss; raise TrainingError where the weights have gone astray."""
        mean = torch.stack(losses).mean().item()
        if not (math.isfinite(mean) and math.isfinite(norm)):
            raise TrainingError(
                f'the training diverged: at step {done} the loss is {mean} and the norm of the '
                f'gradient {float(norm)}; set learning_rate below {self.config.learning_rate:g} '
                f'and train into another output folder (the same command again would go on in '
                f'{self.output} with the old rate, and diverge again)'
            )
        return mean

    @torch.no_grad()
    def _validation_loss(self, validation: Dataset) -> float:
        """Measure the averaged weights on the held-out episodes."""
        self.state.swap()
        self.vla.eval()
        total, frames = 0.0, 0
        for batch in validation.batches(self.config.batch_size, self.config.validation_frames):
            example = Example(batch, self.vla).to(self.accelerator.device)
            loss = action_loss(self.vla, example, self.config.precision)
            total += loss.item() * len(batch.states)
            frames += len(batch.states)
        self.vla.train()
        self.state.swap()
        return total / frames

    def _finish(self, log: MetricsLog | None, elapsed: float, waited: float) -> TrainResult:
        self.accelerator.wait_for_everyone()
        self.state.swap()
        self.vla.eval()
        newest = {}
        if log:
            newest = {key: value for row in log.rows for key, value in row.items()}
            log.draw()
            log.close()
            save_checkpoint(
                self.checkpoint,
                self.vla,
                {
                    'training': asdict(self.config),
                    STAGE0: self.stage0 and asdict(self.stage0),
                    'loss': newest.get('loss'),
                    'validation_loss': newest.get('validation_loss'),
                },
            )
        steps = self.config.steps - self.start
        return TrainResult(
            self.checkpoint,
            newest.get('loss', float('nan')),
            newest.get('validation_loss', float('nan')),
            steps * self._samples / elapsed,
            waited / elapsed,
        )


def train(
    vla: VLA,
    source: BatchSource,
    validation: Dataset | None,
    config: TrainConfig,
    output: Path,
    checkpoint: Path | None = None,
    stage0: TrainConfig | Literal['own'] | None = 'own',
) -> TrainResult:
    """Train ``vla`` on random batches of ``source``; go on where a killed run stopped.

    Writes into ``output``: ``training_state.safetensors`` to go on from, ``metrics.jsonl`` and
    ``loss.png``; in the end ``checkpoint`` (default: in ``output``), the policy with averaged
    weights, which ``vla`` then has too. Its manifest records ``config`` and the settings of
    ``stage0``, by default the same; None: they are not known. On a CPU, with as many
    threads, the result is the same bit by bit however often the run was killed.

    Raises:
        ConfigError: ``output`` contains a training with other settings, data or first weights,
            the device lacks the precision, or the backbone's weights have half of it.
        TrainingError: the loss is not finite any more; the saved state is from before.
    """
    return Trainer(vla, source, validation, config, output, checkpoint, stage0).run()
