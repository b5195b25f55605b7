# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Soft actor-critic from demonstrations on cached latents (section V-D): stage 1 on a robot."""

from collections.abc import Mapping
import copy
from dataclasses import dataclass
from hashlib import sha256
import math

import numpy as np
import torch
from torch import Tensor, nn

from irevla_learner.replay.latent_replay import LatentReplay, Transitions
from irevla_learner.sacfd.config import SACfDConfig
from irevla_learner.sacfd.critics import Critics
from irevla_learner.sacfd.feature_cache import FeatureCache
from irevla_policy.checkpoints.state_file import join, optimizer_state, part, restore_optimizer
from irevla_policy.model.head import Head
from irevla_policy.model.tensors import tensor_bytes

# Number of latents from which the principal components are computed.
COMPONENT_ROWS = 1000
ENCODE_ROWS = 256
HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)


def multiplies_bfloat16(device: str) -> bool:
    """Return whether this device multiplies matrices faster in bfloat16 than in float32."""
    if torch.device(device).type == 'cuda':
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu.get_capabilities().get('avx512_bf16', False)


class Components(nn.Module):
    """Principal components of whole latents, scaled to unit variance; an input of the critics."""

    mean: Tensor
    axes: Tensor

    def __init__(self, mean: Tensor, axes: Tensor) -> None:
        """Project on axes (m * d, count) around a mean (m * d,)."""
        super().__init__()
        self.register_buffer('mean', mean)
        self.register_buffer('axes', axes)

    @classmethod
    def fit(cls, latents: Tensor, count: int) -> 'Components':
        """Return the principal components of float latents (N, m, d)."""
        tokens = cls._normalised(latents)
        mean = tokens.mean(0)
        count = max(1, min(count, len(tokens) - 1, tokens.shape[1]))
        _, spread, axes = torch.pca_lowrank(tokens - mean, count, center=False)
        # A lower bound: directions of almost no variance are not amplified.
        floor = (1e-3 * spread[0]).clamp_min(1e-6)
        scale = (len(tokens) ** 0.5 / torch.maximum(spread, floor)).unsqueeze(0)
        return cls(mean, axes * scale)

    @staticmethod
    def _normalised(latents: Tensor) -> Tensor:
        return nn.functional.layer_norm(latents, latents.shape[-1:]).flatten(1)

    def forward(self, latents: Tensor) -> Tensor:
        """Map float latents (B, m, d) to (B, count)."""
        return (self._normalised(latents) - self.mean) @ self.axes


@dataclass(frozen=True)
class Losses:
    """Losses of one update; those of the actor are NaN if only the critics were updated."""

    critic: float
    value: float
    actor: float
    cloning: float
    temperature: float


class SACfD:
    """Actor and critics on cached features of latents, and their updates.

    The VLM is frozen, so the critics' features are computed once, when an episode is added. The
    actor is the head. Its token learner reads the latents of each batch only if it is trained
    (`token_learner_learning_rate`). The head that acts is the running average of the actor's
    weights (`actor_ema`).
    """

    def __init__(self, head: Head, replay: LatentReplay, config: SACfDConfig, seed: int,
                 device: str = 'cpu', state: Mapping[str, Tensor] | None = None,
                 updates: int = 0) -> None:
        """Start from this head's weights, or continue from a state.

        Args:
            head: head of the policy to train.
            replay: replay with at least the zero-shot episodes.
            config: settings.
            seed: seed of all random numbers.
            device: torch device.
            state: result of `state`, to continue from.
            updates: number of updates before that state.

        """
        # With the number of updates: the same seed would repeat the batches of an earlier start.
        torch.manual_seed(seed + updates)
        self._random = np.random.default_rng([seed, updates])
        self.config, self.replay, self.device = config, replay, device
        self.updates = updates
        self._short = multiplies_bfloat16(device)
        self._pool = copy.deepcopy(head.pool).to(device).requires_grad_(False)
        self.actor = copy.deepcopy(head).to(device).requires_grad_(True)
        self._pool_learns = config.token_learner_learning_rate > 0
        self.actor.pool.requires_grad_(self._pool_learns)
        self._averaged = copy.deepcopy(self.actor).requires_grad_(False)
        self._pooled = head.width
        if state is None:
            rows = np.concatenate([np.arange(span.start, span.stop) for span in replay.spans])
            chosen = np.sort(self._random.permutation(rows)[:COMPONENT_ROWS])
            self._components = Components.fit(self._latents(chosen), config.pca_components)
        else:
            fitted = part(state, 'components')
            self._components = Components(fitted['mean'], fitted['axes']).to(device)
        state_size = replay.proprioception(0).shape[-1]
        self._size = self._pooled + state_size + self._components.axes.shape[1]
        self._features = FeatureCache(replay, self._size, self._features_digest())
        for span in self._features.missing():
            self.cache_features(span)
        action_size = replay.actions(0).shape[-1]
        self.critics = Critics(config.num_critics, self._size, action_size,
                               config.hidden).to(device)
        self._targets = copy.deepcopy(self.critics).requires_grad_(False)
        self.log_std = nn.Parameter(torch.full((action_size,), float(np.log(config.std)),
                                               device=device))
        self.log_temperature = nn.Parameter(torch.tensor(float(np.log(0.01)), device=device))
        self._automatic = config.temperature == 'auto'
        # Entropy of actions with the standard deviation `std`.
        self._target_entropy = action_size * (float(np.log(config.std)) + HALF_LOG_2_PI + 0.5)
        self._critic_parameters = list(self.critics.parameters())
        mlp, pool = list(self.actor.mlp.parameters()), list(self.actor.pool.parameters())
        spread, temperature = ([self.log_std], [self.log_temperature]) if self._automatic \
            else ([], [])
        groups = [{'params': self._critic_parameters + temperature,
                   'lr': config.critic_learning_rate},
                  {'params': mlp + spread, 'lr': config.actor_learning_rate}]
        if self._pool_learns:
            groups.append({'params': pool, 'lr': config.token_learner_learning_rate})
        self._actor_parameters = mlp + (pool if self._pool_learns else []) + spread + temperature
        self._optimizer = torch.optim.Adam(groups, fused=True)
        self._modules = {'actor': self.actor, 'averaged': self._averaged, 'critics': self.critics,
                         'targets': self._targets, 'components': self._components}
        if state is not None:
            self._restore(state)

    def state(self) -> dict[str, Tensor]:
        """Return all tensors from which training continues."""
        parts = {name: module.state_dict() for name, module in self._modules.items()}
        parts['optimizer'] = optimizer_state(self._optimizer)
        parts['spread'] = {'log_std': self.log_std, 'log_temperature': self.log_temperature}
        return join(parts)

    @torch.no_grad()
    def _restore(self, state: Mapping[str, Tensor]) -> None:
        for name, module in self._modules.items():
            module.load_state_dict(part(state, name))
        restore_optimizer(self._optimizer, part(state, 'optimizer'))
        self.log_std.copy_(state['spread/log_std'])
        self.log_temperature.copy_(state['spread/log_temperature'])

    def cache_features(self, span: slice) -> None:
        """Compute and store the features of new rows of the replay."""
        for start in range(span.start, span.stop, ENCODE_ROWS):
            rows = slice(start, min(start + ENCODE_ROWS, span.stop))
            latents = self._latents(rows)
            with torch.no_grad():
                parts = self._pool(latents), self._states(rows), self._components(latents)
            self._features.rows[rows] = torch.cat(parts, -1).cpu().numpy()
        self._features.commit(span)

    def _features_digest(self) -> str:
        digest = sha256()
        for module in (self._pool, self._components):
            for tensor in module.state_dict().values():
                digest.update(tensor_bytes(tensor))
        return digest.hexdigest()

    def _latents(self, rows: np.ndarray | slice) -> Tensor:
        return torch.from_numpy(np.asarray(self.replay.latents[rows], np.float32)).to(self.device)

    def _states(self, rows: np.ndarray | slice) -> Tensor:
        return torch.from_numpy(np.array(self.replay.proprioception(rows))).to(self.device)

    def _means(self, rows: np.ndarray, features: Tensor) -> Tensor:
        """Return the actor's actions (B, a) for rows with these cached features."""
        if self._pool_learns:
            return self.actor(self._latents(rows), self._states(rows)).float()
        # The actor's inputs, pooled latent and proprioception, are the first features.
        return self.actor.mlp(features[:, :self._size - self._components.axes.shape[1]]).float()

    def refresh(self) -> None:
        """Find the rows that batches may start at; call it after the replay changed."""
        self._usable = [self.replay.usable(self.config.return_steps, kind)
                        for kind in (True, False)]

    def _draw(self) -> tuple[np.ndarray, int]:
        """Return the rows of a batch, demonstrations first, and the number of demonstrations."""
        demonstrations, online = self._usable
        count = self.config.batch_size
        share = round(count * self.config.demonstration_share)
        if not len(online):
            share = count
        elif not len(demonstrations):
            share = 0
        parts = [rows[self._random.integers(len(rows), size=size)]
                 for rows, size in ((demonstrations, share), (online, count - share)) if size]
        return np.concatenate(parts), share

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    def _sample(self, means: Tensor) -> tuple[Tensor, Tensor]:
        """Return sampled actions (B, a) and their log-probabilities (B,)."""
        if not self._automatic:
            noise = (torch.randn_like(means) * self.config.std).clamp(-0.3, 0.3)
            return (means + noise).clamp(-1, 1), torch.zeros(len(means), device=self.device)
        # The standard deviation is independent of the observation: no gradient to the means.
        log_std, noise = self.log_std.clamp(-4, 0), torch.randn_like(means)
        log_probability = -(0.5 * noise.square() + log_std + HALF_LOG_2_PI).sum(-1)
        return means + noise * log_std.exp(), log_probability

    def update(self, actor: bool = True) -> Losses:
        """Update the critics, and the actor in every `actor_every`-th update.

        Both losses use one embedding of the batch by the critics.
        """
        config = self.config
        rows, num_demonstrations = self._draw()
        drawn = self.replay.transitions(rows, config.return_steps, config.discount)
        features = self._tensor(self._features.rows[drawn.rows])
        actions = self._tensor(self.replay.actions(drawn.rows))
        target = self._target(drawn)
        update_actor = actor and self.updates % config.actor_every == 0
        actor_loss = cloning = torch.tensor(float('nan'))
        with self._short_products():
            embedded = self.critics.embed(features)
            values = self.critics(embedded, actions)
            if update_actor:
                actor_loss, cloning, temperature_loss = self._actor_losses(
                    self._means(drawn.rows, features), embedded.detach(),
                    actions[:num_demonstrations])
        critic_loss = nn.functional.mse_loss(values, target.expand_as(values), reduction='sum') \
            / len(target)
        self._optimizer.zero_grad()
        critic_loss.backward(inputs=self._critic_parameters)
        if update_actor:
            (actor_loss + temperature_loss).backward(inputs=self._actor_parameters)
        temperature = self.log_temperature.exp().item()
        self._optimizer.step()
        self._update_average(self._targets, self.critics, config.target_tau)
        if update_actor:
            self._update_average(self._averaged, self.actor, config.actor_ema)
        self.updates += actor
        return Losses(critic_loss.item() / config.num_critics, values.mean().item(),
                      actor_loss.item(), cloning.item(), temperature)

    def _short_products(self) -> torch.autocast:
        """Return autocast to bfloat16 where that is faster; each block casts weights once."""
        return torch.autocast(torch.device(self.device).type, torch.bfloat16, self._short)

    @torch.no_grad()
    def _target(self, drawn: Transitions) -> Tensor:
        """Return the targets (B,) of the critics."""
        following = self._tensor(self._features.rows[drawn.next_rows])
        with self._short_products():
            actions, log_probability = self._sample(self._means(drawn.next_rows, following))
            value = self._targets(self._targets.embed(following), actions).amin(0)
        if self._automatic:
            value = value - self.log_temperature.exp() * log_probability
        target = self._tensor(drawn.rewards) + self._tensor(drawn.discounts) * value
        # An episode has one reward of 1 at most, so without entropy returns are in [0, 1].
        return target if self._automatic else target.clamp(0, 1)

    def _actor_losses(self, means: Tensor, embedded: Tensor,
                      demonstrated: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the losses of the actor, of its behaviour cloning and of the temperature.

        Args:
            means: actions of the actor (B, a).
            embedded: the critics' embedding of the same rows (E, B, hidden).
            demonstrated: actions of the first N rows, which are demonstrations (N, a).

        """
        config = self.config
        chosen, log_probability = self._sample(means) if self._automatic else (means, None)
        values = self.critics(embedded, chosen).mean(0)
        # Normalises values to mean size one, so that the weights below suit any task.
        scale = values.detach().abs().mean().clamp_min(1e-3)
        cloning = nn.functional.mse_loss(means[:len(demonstrated)], demonstrated) \
            if len(demonstrated) else means.new_zeros(())
        loss = -values.mean() / scale + config.bc_weight * cloning
        loss = loss + config.range_penalty * (means.abs() - 1).clamp_min(0).square().mean()
        if log_probability is None:
            return loss, cloning, means.new_zeros(())
        temperature, entropy = self.log_temperature.exp(), -log_probability.mean()
        loss = loss - temperature.detach() * entropy / scale
        return loss, cloning, temperature * (entropy.detach() - self._target_entropy)

    @staticmethod
    @torch.no_grad()
    def _update_average(average: nn.Module, module: nn.Module, share: float) -> None:
        """Move averaged weights towards those of a module by a share of their difference."""
        torch._foreach_lerp_(list(average.parameters()), list(module.parameters()), share)

    def copy_to(self, head: Head) -> None:
        """Copy the running average of the actor's weights; single actors vary in success."""
        head.load_state_dict(self._averaged.state_dict())
