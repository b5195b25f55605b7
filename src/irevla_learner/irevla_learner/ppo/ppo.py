# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Proximal policy optimisation (equation 3) of the head on frozen latents, or of the whole VLA."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
import math

import numpy as np
import torch
from torch import Tensor

from irevla_learner.ppo.config import PPOConfig, check_chunk_size
from irevla_learner.rollout.played import Played
from irevla_policy.checkpoints.state_file import join, optimizer_state, part, restore_optimizer
from irevla_policy.model.head import Head
from irevla_policy.model.tensors import trained_parameters
from irevla_policy.model.vla import VLA


@dataclass(frozen=True)
class PPOLosses:
    """Means over one iteration; those of the policy are NaN if only the critic was trained.

    Attributes:
        critic: mean squared error of the values.
        value: mean return, the critic's target.
        policy: negated clipped objective.
        kl: KL divergence from the policy that acted, at the last update.
        clipped: share of steps with a clipped ratio, at the last update.
        learning_rate: learning rate of the policy in the next iteration.

    """

    critic: float
    value: float
    policy: float
    kl: float
    clipped: float
    learning_rate: float


@dataclass(frozen=True)
class Rollout:
    """The N steps of an iteration: all episodes of one policy, concatenated.

    Attributes:
        latents: float16 (N, m, d).
        states: float32 (N, p), normalised.
        actions: float32 (N, a), normalised, as drawn.
        log_probabilities: (N,), log-probabilities of the actions under the policy that acted.
        returns: (N,), targets of the critic.
        advantages: (N,), with mean 0 and standard deviation 1.
        images: uint8 (N, C, H, W, 3) if the VLM is trained too; else None.
        instructions: N instructions.

    """

    latents: Tensor
    states: Tensor
    actions: Tensor
    log_probabilities: Tensor
    returns: Tensor
    advantages: Tensor
    images: np.ndarray | None
    instructions: list[str]

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.actions)


def advantages_of(
    rewards: np.ndarray, values: np.ndarray, terminated: bool, discount: float, gae: float
) -> np.ndarray:
    """Return the generalised advantages (T,) of one episode.

    Args:
        rewards: (T,).
        values: (T + 1,), the last one of the observation after the last action.
        terminated: the task ended the episode, so its last value is taken as zero.
        discount: discount per step.
        gae: lambda.

    """
    following = values[1:].copy()
    if terminated:
        following[-1] = 0
    surprise = rewards + discount * following - values[:-1]
    advantages, carried = np.zeros_like(surprise), 0.0
    for step in reversed(range(len(surprise))):
        carried = surprise[step] + discount * gae * carried
        advantages[step] = carried
    return advantages


class PPO:
    """Policy and critic, trained in iterations of some episodes each."""

    def __init__(
        self,
        vla: VLA,
        config: PPOConfig,
        seed: int,
        whole: bool = False,
        state: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Train this policy in place: its head, or with ``whole`` also its VLM.

        The critic is a head with one output; its token learner is initialised from the policy's.

        Raises:
            ConfigError: the VLM is to be trained, but its weights have half precision; or a pass
                decides several actions.

        """
        check_chunk_size(vla.head.output_size // vla.statistics.action_size)
        if whole:
            vla.config.check_trainable()
        torch.manual_seed(seed)
        self._random = np.random.default_rng(seed)
        self.config, self.vla, self._whole = config, vla, whole
        self.iterations = self.updates = 0
        self.learning_rate = config.learning_rate
        statistics = vla.statistics
        head = vla.config.head
        self.critic = Head(vla.backbone.width, statistics.state_size, 1, head.hidden, head.queries)
        self.critic.pool.load_state_dict(vla.head.pool.state_dict())
        self.critic.to(vla.device)
        if whole:
            vla.backbone.unfreeze()
        else:
            vla.backbone.freeze()
        vla.eval()
        self._trained = trained_parameters(vla)
        self._optimizers = {
            'policy_optimizer': torch.optim.Adam(self._trained.values(), config.learning_rate),
            'critic_optimizer': torch.optim.Adam(
                self.critic.parameters(), config.critic_learning_rate
            ),
        }
        if state is not None:
            self._restore(state)

    def state(self) -> dict[str, Tensor]:
        """Return all tensors from which training continues."""
        schedule = {'learning_rate': torch.tensor(self.learning_rate, dtype=torch.float64)}
        return join(
            {
                'policy': self._trained,
                'critic': self.critic.state_dict(),
                'schedule': schedule,
                **{name: optimizer_state(one) for name, one in self._optimizers.items()},
            }
        )

    @torch.no_grad()
    def _restore(self, state: Mapping[str, Tensor]) -> None:
        for name, weight in part(state, 'policy').items():
            self._trained[name].copy_(weight)
        self.critic.load_state_dict(part(state, 'critic'))
        self.learning_rate = part(state, 'schedule')['learning_rate'].item()
        for name, optimizer in self._optimizers.items():
            restore_optimizer(optimizer, part(state, name))

    @torch.no_grad()
    def roll_out(self, episodes: Sequence[Played]) -> Rollout:
        """Return the rollout of episodes of the current policy."""
        config = self.config
        columns: dict[str, list[np.ndarray]] = {
            name: [] for name in ('latents', 'states', 'actions', 'returns', 'advantages')
        }
        longest = max(played.latents.latents.shape[1] for played in episodes)
        for played in episodes:
            seen = played.latents
            values = (
                self._values(self._tensor(seen.latents), self._tensor(seen.proprioception))
                .cpu()
                .numpy()
            )
            advantages = advantages_of(
                seen.rewards, values, seen.terminated, config.discount, config.gae
            )
            # A shorter instruction has fewer tokens; those of zeros are padding.
            missing = longest - seen.latents.shape[1]
            columns['latents'].append(np.pad(seen.latents[:-1], ((0, 0), (0, missing), (0, 0))))
            columns['states'].append(seen.proprioception[:-1])
            columns['actions'].append(played.drawn)
            columns['returns'].append(advantages + values[:-1])
            columns['advantages'].append(advantages)
        joined = {name: self._tensor(np.concatenate(parts)) for name, parts in columns.items()}
        raw = joined['advantages']
        joined['advantages'] = (raw - raw.mean()) / (raw.std() + 1e-6)
        images = None
        if self._whole:
            images = np.concatenate(
                [
                    np.stack([played.images[camera] for camera in self.vla.config.cameras], 1)
                    for played in episodes
                ]
            )
        instructions = [played.instruction for played in episodes for _ in played.drawn]
        rollout = Rollout(
            **joined, log_probabilities=torch.empty(0), images=images, instructions=instructions
        )
        batches = [
            self._log_probability(rollout, rows)
            for rows in np.array_split(np.arange(len(rollout)), math.ceil(len(rollout) / 512))
        ]
        return replace(rollout, log_probabilities=torch.cat(batches))

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.vla.device)

    def _values(self, latents: Tensor, states: Tensor) -> Tensor:
        return self.critic(latents, states)[:, 0]

    def _log_probability(self, rollout: Rollout, rows: np.ndarray) -> Tensor:
        """Return the log-probability of the drawn actions under the current policy."""
        if rollout.images is not None:
            images = self._tensor(rollout.images[rows])
            means = self.vla(
                images, [rollout.instructions[row] for row in rows], rollout.states[rows]
            )
        else:
            means = self.vla.act(rollout.latents[rows], rollout.states[rows])
        distance = (rollout.actions[rows] - means) / self.config.std
        return -0.5 * distance.square().sum(-1)

    def improve(self, episodes: Sequence[Played], remaining: float = 1.0) -> PPOLosses:
        """Run one iteration on episodes of the current policy.

        Args:
            episodes: episodes of the current policy.
            remaining: share of the environment steps that remained before these episodes; with
                `anneal` the policy's steps become smaller in proportion, so that noise of the
                gradients averages out.

        """
        config = self.config
        size = remaining if config.anneal else 1.0
        # The divergence grows with the square of a step.
        clip, most_kl = config.clip * size, config.kl * size**2
        rollout = self.roll_out(episodes)
        acting = self.iterations >= config.critic_iterations
        for group in self._optimizers['policy_optimizer'].param_groups:
            group['lr'] = self.learning_rate
        critic, policy, kl, clipped = [], [], math.nan, math.nan
        stopped = not acting
        for _ in range(config.epochs):
            order = self._random.permutation(len(rollout))
            for rows in np.array_split(order, max(1, len(order) // config.batch_size)):
                values = self._values(rollout.latents[rows], rollout.states[rows])
                critic.append(
                    self._step(
                        'critic_optimizer',
                        self.critic.parameters(),
                        torch.nn.functional.mse_loss(values, rollout.returns[rows]),
                    )
                )
                if stopped:
                    continue
                difference = self._log_probability(rollout, rows) - rollout.log_probabilities[rows]
                ratio = difference.exp()
                kl = (ratio - 1 - difference).mean().item()
                if kl > most_kl:
                    # The advantages are only valid near the policy that acted.
                    stopped = True
                    continue
                advantages = rollout.advantages[rows]
                bounded = ratio.clamp(1 - clip, 1 + clip)
                clipped = (ratio != bounded).float().mean().item()
                policy.append(
                    self._step(
                        'policy_optimizer',
                        self._trained.values(),
                        -torch.minimum(ratio * advantages, bounded * advantages).mean(),
                    )
                )
                self.updates += 1
        self.iterations += 1
        if acting:
            # Adapted so that about half of the updates stay within the divergence.
            self.learning_rate *= min(max(2 * len(policy) / len(critic), 0.5), 1.5)
        return PPOLosses(
            float(np.mean(critic)),
            rollout.returns.mean().item(),
            float(np.mean(policy)) if policy else math.nan,
            kl,
            clipped,
            self.learning_rate,
        )

    def _step(self, optimizer: str, weights: Iterable[torch.nn.Parameter], loss: Tensor) -> float:
        self._optimizers[optimizer].zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, self.config.gradient_clip)
        self._optimizers[optimizer].step()
        return loss.item()
