# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy that acts in several environments, each with its own chunk of actions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from irevla_policy.exploration import SmoothNoise
from irevla_policy.model.vla import VLA


@dataclass(frozen=True)
class Seen:
    """The observations of all environments, some of them encoded by the policy.

    Attributes:
        observation: arrays by name; a row for each environment.
        encoded: environments with an encoded observation; the rows of the two tensors.
        latents: (R, m, d); zeros fill up those of shorter instructions.
        states: (R, p), normalised.
        latent_rows: float16 (m, d) by environment, as its instruction alone gives it.
        state_rows: float32 (p,) by environment.

    """

    observation: dict[str, np.ndarray]
    encoded: list[int]
    latents: torch.Tensor
    states: torch.Tensor
    latent_rows: dict[int, np.ndarray]
    state_rows: dict[int, np.ndarray]


@dataclass(frozen=True)
class Decision:
    """The actions of all environments; a row for each.

    Attributes:
        drawn: float32, normalised, before they are clipped to [-1, 1].
        actions: float32, normalised.
        commands: float64, in physical units.
        versions: uint64, version of the head that decided it.

    """

    drawn: np.ndarray
    actions: np.ndarray
    commands: np.ndarray
    versions: np.ndarray


class VectorPolicy:
    """Encodes the observations that need a pass, and answers all with the actions of chunks.

    A new head acts from the next pass of each environment on.
    """

    def __init__(self, vla: VLA, num_envs: int) -> None:
        """Begin without chunks."""
        self._vla = vla
        self._action_size = vla.statistics.action_size
        self._chunks: np.ndarray | None = None
        self._versions = np.zeros(num_envs, np.uint64)
        # Number of actions left of each chunk.
        self._left = np.zeros(num_envs, int)

    @property
    def due(self) -> list[int]:
        """Environments whose next observation needs a pass."""
        return np.flatnonzero(self._left == 0).tolist()

    def end_chunks(self, indices: Iterable[int]) -> None:
        """End the chunks of environments, because their episodes ended."""
        self._left[list(indices)] = 0

    @torch.no_grad()
    def encode(
        self, observation: dict[str, np.ndarray], instructions: Sequence[str], rows: list[int]
    ) -> Seen:
        """Encode the observations of these environments."""
        images = np.stack([observation[name] for name in self._vla.config.cameras], 1)
        found: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        # One pass per instruction, because padding to a longer instruction changes the latent.
        for instruction in dict.fromkeys(instructions[row] for row in rows):
            own = [row for row in rows if instructions[row] == instruction]
            encoded = self._vla.encode_observation(
                images[own], observation['state'][own], [instruction] * len(own)
            )
            found.update(zip(own, zip(*encoded)))
        if not rows:
            return Seen(observation, [], torch.empty(0), torch.empty(0), {}, {})
        latents, states = zip(*(found[row] for row in rows))
        return Seen(
            observation,
            rows,
            pad_sequence(list(latents), batch_first=True),
            torch.stack(states),
            {row: latent.cpu().numpy() for row, latent in zip(rows, latents)},
            dict(zip(rows, torch.stack(states).cpu().numpy())),
        )

    def decide(self, seen: Seen, noises: Sequence[SmoothNoise] | None, version: int) -> Decision:
        """Return the next action of each chunk; the encoded observations begin new chunks."""
        if seen.encoded:
            self._begin_chunks(seen, version)
        assert self._chunks is not None
        size = self._chunks.shape[1]
        drawn = self._chunks[np.arange(len(self._left)), size - self._left]
        self._left -= 1
        if noises is not None:
            drawn = drawn + np.stack([noise() for noise in noises])
        drawn = drawn.astype(np.float32)
        actions = np.clip(drawn, -1, 1)
        return Decision(
            drawn,
            actions,
            self._vla.statistics.denormalise_action(actions),
            self._versions.copy(),
        )

    def _begin_chunks(self, seen: Seen, version: int) -> None:
        chunks = self._vla.act(seen.latents, seen.states).detach().cpu().numpy()
        chunks = chunks.reshape(len(chunks), -1, self._action_size)
        if self._chunks is None:
            self._chunks = np.zeros((len(self._left), *chunks.shape[1:]), chunks.dtype)
        self._chunks[seen.encoded] = chunks
        self._left[seen.encoded] = chunks.shape[1]
        self._versions[seen.encoded] = version
