# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Soft actor-critic from demonstrations on cached latents (section V-D): stage 1 on a robot."""

from collections.abc import Mapping
import copy
from dataclasses import dataclass, replace
import math

import torch
from torch import Tensor, nn

from irevla_learner.sacfd.config import SACfDConfig
from irevla_learner.sacfd.critics import Critics
from irevla_learner.sacfd.feature_replay import Batch
from irevla_policy.checkpoints.state_file import join, optimizer_state, part, restore_optimizer
from irevla_policy.model.device import multiplies_bfloat16
from irevla_policy.model.head import Head

HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True)
class Losses:
    """Losses of one update; those of the actor are NaN if only the critics were updated."""

    critic: float = math.nan
    value: float = math.nan
    actor: float = math.nan
    cloning: float = math.nan
    anchor: float = math.nan
    temperature: float = math.nan


@dataclass(frozen=True)
class _ActorLosses:
    """The sum that is minimised, and two of its parts without their weights."""

    total: Tensor
    cloning: Tensor
    anchor: Tensor


class SACfD:
    """Actor and critics on cached features of latents, and their updates.

    With chunks of actions all actions are chunks: the critics value a whole chunk, and its target
    is the value of the next one (Q-chunking, Li et al. 2025).

    The actor is the head. Its token learner reads the latents of each batch only if it is
    trained (`token_learner_learning_rate`). The head that acts is the running average of the
    actor's weights (`actor_ema`).
    """

    def __init__(
        self, head: Head, num_features: int, config: SACfDConfig, device: str = 'cpu'
    ) -> None:
        """Start from the weights of ``head``; torch's seed decides those of the critics.

        Args:
            head: head of the policy to train.
            num_features: number of features of an observation; see `features.Features`.
            config: settings.
            device: torch device.

        """
        self.config, self._device = config, device
        self.updates = 0
        self._short = multiplies_bfloat16(device)
        self._token_learner_learns = config.token_learner_learning_rate > 0
        self._automatic = config.temperature == 'auto'
        self._make_networks(head, num_features)
        self._make_optimizer()

    def _make_networks(self, head: Head, num_features: int) -> None:
        config, device = self.config, self._device
        self.actor = copy.deepcopy(head).to(device).requires_grad_(True)
        self.actor.pool.requires_grad_(self._token_learner_learns)
        self._averaged = copy.deepcopy(self.actor).requires_grad_(False)
        action_size = head.output_size
        self.critics = Critics(config.num_critics, num_features, action_size, config.hidden).to(
            device
        )
        self._targets = copy.deepcopy(self.critics).requires_grad_(False)
        self.log_std = nn.Parameter(
            torch.full((action_size,), math.log(config.std), device=device)
        )
        self.log_temperature = nn.Parameter(torch.tensor(math.log(0.01), device=device))
        # Entropy of actions with the standard deviation `std`.
        self._target_entropy = action_size * (math.log(config.std) + HALF_LOG_2_PI + 0.5)
        # A frozen token learner is that of the policy: it is not saved again.
        learned = [
            one if self._token_learner_learns else one.mlp for one in (self.actor, self._averaged)
        ]
        self._modules: dict[str, nn.Module] = {
            'actor': learned[0],
            'averaged': learned[1],
            'critics': self.critics,
            'targets': self._targets,
        }

    def _make_optimizer(self) -> None:
        config = self.config
        self._critic_parameters = list(self.critics.parameters())
        mlp, token_learner = list(self.actor.mlp.parameters()), list(self.actor.pool.parameters())
        spread, temperature = (
            ([self.log_std], [self.log_temperature]) if self._automatic else ([], [])
        )
        groups = [
            {'params': self._critic_parameters + temperature, 'lr': config.critic_learning_rate},
            {'params': mlp + spread, 'lr': config.actor_learning_rate},
        ]
        if self._token_learner_learns:
            groups.append({'params': token_learner, 'lr': config.token_learner_learning_rate})
        self._actor_parameters = (
            mlp + spread + temperature + (token_learner if self._token_learner_learns else [])
        )
        self._optimizer = torch.optim.Adam(groups, fused=True)

    def state(self) -> dict[str, Tensor]:
        """Return all tensors from which training continues."""
        parts = {name: module.state_dict() for name, module in self._modules.items()}
        parts['optimizer'] = optimizer_state(self._optimizer)
        parts['spread'] = {'log_std': self.log_std, 'log_temperature': self.log_temperature}
        return join(parts)

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor], updates: int) -> None:
        """Continue from the result of `state` after this number of updates."""
        self.updates = updates
        for name, module in self._modules.items():
            module.load_state_dict(part(state, name))
        restore_optimizer(self._optimizer, part(state, 'optimizer'))
        self.log_std.copy_(state['spread/log_std'])
        self.log_temperature.copy_(state['spread/log_temperature'])

    def _means(self, features: Tensor, latents: Tensor | None) -> Tensor:
        """Return the actor's actions (B, a)."""
        # The actor's inputs, pooled latent and proprioception, are the first features.
        actor, pooled = self.actor, self.actor.width
        inputs = features[:, : pooled + actor.state_size]
        if latents is None:
            return actor.mlp(inputs).float()
        return actor(latents, inputs[:, pooled:]).float()

    def _sample(self, means: Tensor) -> tuple[Tensor, Tensor]:
        """Return sampled actions (B, a) and their log-probabilities (B,)."""
        if not self._automatic:
            noise = (torch.randn_like(means) * self.config.std).clamp(-0.3, 0.3)
            return (means + noise).clamp(-1, 1), torch.zeros(len(means), device=self._device)
        # The standard deviation is independent of the observation: no gradient to the means.
        log_std, noise = self.log_std.clamp(-4, 0), torch.randn_like(means)
        log_probability = -(0.5 * noise.square() + log_std + HALF_LOG_2_PI).sum(-1)
        # Clipped as executed actions are: the critics know no actions outside.
        return (means + noise * log_std.exp()).clamp(-1, 1), log_probability

    def updates_actor(self, actor: bool = True) -> bool:
        """Return whether `update` with this argument updates the actor."""
        return actor and self.updates % self.config.actor_every == 0

    def update(self, batch: Batch, actor: bool = True) -> Losses:
        """Update the critics, and the actor in every `actor_every`-th update.

        Both losses use one embedding of the batch by the critics.
        """
        config = self.config
        target, actions = self._target(batch), self._actions(batch)
        update_actor = self.updates_actor(actor)
        actor_losses = None
        with self._short_products():
            embedded = self.critics.embed(batch.features)
            values = self.critics(embedded, actions)
            if update_actor:
                actor_losses = self._actor_losses(batch, embedded.detach())
        critic_loss = nn.functional.mse_loss(
            values, target.expand_as(values), reduction='sum'
        ) / len(target)
        self._optimizer.zero_grad()
        critic_loss.backward(inputs=self._critic_parameters)
        if actor_losses:
            actor_losses.total.backward(inputs=self._actor_parameters)
        temperature = self.log_temperature.exp().item()
        self._optimizer.step()
        self._update_average(self._targets, self.critics, config.target_tau)
        if update_actor:
            self._update_average(self._averaged, self.actor, config.actor_ema)
        self.updates += actor
        losses = Losses(
            critic=critic_loss.item() / config.num_critics,
            value=values.mean().item(),
            temperature=temperature,
        )
        if actor_losses is None:
            return losses
        return replace(
            losses,
            actor=actor_losses.total.item(),
            cloning=actor_losses.cloning.item(),
            anchor=actor_losses.anchor.item(),
        )

    def _short_products(self) -> torch.autocast:
        """Return autocast to bfloat16 where that is faster; each block casts weights once."""
        return torch.autocast(torch.device(self._device).type, torch.bfloat16, self._short)

    @torch.no_grad()
    def _target(self, batch: Batch) -> Tensor:
        """Return the targets (B,) of the critics."""
        following = batch.next_features
        with self._short_products():
            actions, log_probability = self._sample(self._means(following, batch.next_latents))
            value = self._targets(self._targets.embed(following), actions).amin(0)
        if self._automatic:
            value = value - self.log_temperature.exp() * log_probability
        target = batch.rewards + batch.discounts * value
        # An episode has one reward of 1 at most, so without entropy returns are in [0, 1].
        return target if self._automatic else target.clamp(0, 1)

    @torch.no_grad()
    def _actions(self, batch: Batch) -> Tensor:
        """Return the actions (B, k * a) of the critics; those not executed are the actor's."""
        if batch.executed is None:
            return batch.actions
        own = self._means(batch.features, batch.latents).clamp(-1, 1)
        return torch.where(batch.executed, batch.actions, own)

    def _actor_losses(self, batch: Batch, embedded: Tensor) -> '_ActorLosses':
        """Return the losses of the actor for a batch and the critics' embedding of its rows."""
        config = self.config
        means = self._means(batch.features, batch.latents)
        chosen, log_probability = self._sample(means) if self._automatic else (means, None)
        values = self.critics(embedded, chosen).mean(0)
        # Normalises values to mean size one, so that the weights below suit any task.
        scale = values.detach().abs().mean().clamp_min(1e-3)
        cloning = anchor = means.new_zeros(())
        if count := batch.num_demonstrations:
            cloning = _squared_error(
                means[:count],
                batch.actions[:count],
                None if batch.executed is None else batch.executed[:count],
            )
        if batch.anchor is not None:
            kept = self._means(batch.anchor.features, batch.anchor.latents)
            anchor = _squared_error(kept, batch.anchor.labels, batch.anchor.inside)
        loss = -values.mean() / scale
        loss = loss + config.bc_weight * cloning + config.anchor_weight * anchor
        excess = nn.functional.mse_loss(means, means.detach().clamp(-1, 1))
        loss = loss + config.range_penalty * excess
        if log_probability is not None:
            temperature, entropy = self.log_temperature.exp(), -log_probability.mean()
            loss = loss - temperature.detach() * entropy / scale
            loss = loss + temperature * (entropy.detach() - self._target_entropy)
        return _ActorLosses(loss, cloning, anchor)

    @staticmethod
    @torch.no_grad()
    def _update_average(average: nn.Module, module: nn.Module, share: float) -> None:
        """Move averaged weights towards those of a module by a share of their difference."""
        torch._foreach_lerp_(list(average.parameters()), list(module.parameters()), share)

    def copy_to(self, head: Head) -> None:
        """Copy the running average of the actor's weights; single actors vary in success."""
        head.load_state_dict(self._averaged.state_dict())


def _squared_error(means: Tensor, wanted: Tensor, inside: Tensor | None) -> Tensor:
    """Return the mean squared error of actions; those not ``inside`` have none."""
    if inside is not None:
        wanted = torch.where(inside, wanted, means.detach())
    return nn.functional.mse_loss(means, wanted)
