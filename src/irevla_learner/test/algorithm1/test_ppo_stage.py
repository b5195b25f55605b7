# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1 with PPO uses the whole number of its environment steps."""

from types import SimpleNamespace

from reach import HeadOnly, Reach, acting, beside_the_goal

from irevla_learner.algorithm1.ppo_stage import ppo_stage
from irevla_learner.ppo.config import PPOConfig


class Player:
    """Plays the small task with the present head, one episode after another."""

    num_envs, version = 1, 0

    def __init__(self, vla):
        self._vla, self._world = vla, Reach(0)
        self.curriculum = SimpleNamespace(successes=0)

    def play(self, seeds, noises):
        for _ in seeds:
            latents, drawn = self._world.play(acting(self._vla.head), noises[0])
            yield SimpleNamespace(
                latents=latents,
                drawn=drawn,
                instruction='reach',
                result=SimpleNamespace(steps=len(drawn), success=latents.success),
            )


def test_the_last_iteration_improves_the_policy_too(tmp_path):
    vla = HeadOnly(beside_the_goal())
    vla.latent_policy = SimpleNamespace(digest=lambda: 'toy')
    # One iteration spends the whole budget.
    config = PPOConfig(env_steps=50, episodes=20, critic_iterations=0)
    progress = ppo_stage(vla, Player(vla), config, tmp_path, 0, 0, lambda *_: None)
    assert progress.iterations == 1 and progress.env_steps >= 50
    assert progress.updates > 0
