# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A small task, to move a point to a goal that only the latent shows, and a policy for it."""

import copy
import functools
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from irevla_learner.replay.latent_episode import LatentEpisode
from irevla_policy.model.config import HeadConfig
from irevla_policy.model.head import Head
from irevla_policy.model.latent_policy import LatentPolicy

WIDTH = 16


def picture(goals):
    """Return latents (..., 3, 16) that encode goals (..., 2)."""
    mixing = np.random.default_rng(5).standard_normal((3, 2, WIDTH))
    return np.tanh(np.einsum('...i,kij->...kj', goals, mixing)).astype(np.float16)


class Reach:
    """Episodes of at most 12 steps."""

    def __init__(self, seed):
        self._random = np.random.default_rng(seed)

    def play(self, act, noise=None):
        """Return one episode, and the actions before they were clipped."""
        goal = self._random.uniform(-0.8, 0.8, 2).astype(np.float32)
        position = np.zeros(2, np.float32)
        latent = picture(goal)
        positions, drawn, done = [position], [], False
        if noise:
            noise.start_episode()
        while not done and len(drawn) < 12:
            action = (act(latent, position) + (noise() if noise else 0)).astype(np.float32)
            drawn.append(action)
            position = position + 0.2 * np.clip(action, -1, 1)
            positions.append(position)
            done = bool(np.linalg.norm(position - goal) < 0.12)
        count, drawn = len(drawn), np.stack(drawn)
        rewards = np.zeros(count, np.float32)
        rewards[-1] = done
        return LatentEpisode(
            np.repeat(latent[None], count + 1, 0),
            np.stack(positions),
            np.clip(drawn, -1, 1),
            rewards,
            done,
            done,
            np.zeros(count, bool),
            np.zeros(count, np.uint64),
            np.arange(count),
        ), drawn


def acting(head):
    """Return the policy of a head as a function of latent and position."""

    @torch.no_grad()
    def act(latent, position):
        return head(torch.from_numpy(latent)[None], torch.from_numpy(position)[None])[0].numpy()

    return act


def success_rate(head):
    """Return the success rate of a head without noise on 100 fixed layouts."""
    world = Reach(99)
    return np.mean([world.play(acting(head))[0].success for _ in range(100)])


def beside_the_goal():
    """Return a head that moves to a position beside the goal."""
    return copy.deepcopy(_trained_beside_the_goal())


@functools.cache
def _trained_beside_the_goal():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    head = Head(WIDTH, 2, 2, (64, 64), queries=2)
    optimizer = torch.optim.Adam(head.parameters(), 1e-3)
    for _ in range(800):
        goals, positions = torch.rand(64, 2) * 1.6 - 0.8, torch.rand(64, 2) * 2 - 1
        latents = torch.from_numpy(picture(goals.numpy()))
        target = ((goals + torch.tensor([0.13, -0.08]) - positions) * 3).clamp(-1, 1)
        loss = torch.nn.functional.mse_loss(head(latents, positions), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return head


def latent_policy():
    """Return the policy, as stage 1 loads it, of a head that moves beside the goal."""
    statistics = SimpleNamespace(state_size=2, action_size=2, digest=lambda: 'toy')
    return LatentPolicy(beside_the_goal(), statistics, 'toy')


class HeadOnly(nn.Module):
    """The parts of a VLA with a frozen VLM that PPO uses."""

    def __init__(self, head):
        super().__init__()
        self.head = head
        self.backbone = SimpleNamespace(width=WIDTH, freeze=lambda: None)
        self.statistics = SimpleNamespace(state_size=2, action_size=2)
        self.config = SimpleNamespace(head=HeadConfig((64, 64), queries=2))
        self.device = 'cpu'

    def act(self, latents, states):
        return self.head(latents, states)
