# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""SAC of another library, in the environment `.peers`: each line on stdin is a burst of updates.

The program prints the updates/s of each burst. Its arguments are the library's name and `Sizes`
as JSON. It computes on one thread, as the learner of the benchmark does.
"""

from collections.abc import Callable
from dataclasses import dataclass
import json
import os
import sys
import time

# Before JAX and torch are imported.
os.environ |= {
    'NPROC': '1',
    'OMP_NUM_THREADS': '1',
    'XLA_FLAGS': '--xla_cpu_multi_thread_eigen=false',
    'JAX_PLATFORMS': 'cpu',
    # TorchRL's log would go to stdout.
    'RL_LOGGING_LEVEL': 'ERROR',
}

import gymnasium
import numpy as np


@dataclass(frozen=True)
class Sizes:
    """Sizes of networks, batch, data and burst.

    Attributes:
        features: number of features of an observation.
        actions: number of dimensions of an action.
        hidden: sizes of the hidden layers of actor and critics.
        critics: number of critics, which have LayerNorm.
        batch: number of transitions of an update.
        rows: number of transitions in the replay buffer.
        burst: number of updates of a burst.

    """

    features: int
    actions: int
    hidden: tuple[int, ...]
    critics: int
    batch: int
    rows: int
    burst: int


class Nothing(gymnasium.Env):
    """The spaces of an environment in which nothing happens."""

    def __init__(self, sizes: Sizes) -> None:
        """Have observations and actions of these sizes."""
        self.observation_space = gymnasium.spaces.Box(
            -np.inf, np.inf, (sizes.features,), np.float32
        )
        self.action_space = gymnasium.spaces.Box(-1, 1, (sizes.actions,), np.float32)


def sb3(sizes: Sizes, layer_norm: bool = True) -> Callable[[int], None]:
    """Return a function that runs updates of stable-baselines3's SAC.

    ``layer_norm``: add the LayerNorm of our critics to its critics.
    """
    from stable_baselines3 import SAC
    from stable_baselines3.common.policies import ContinuousCritic
    from stable_baselines3.sac.policies import SACPolicy
    import torch

    class Policy(SACPolicy):
        def make_critic(
            self, features_extractor: torch.nn.Module | None = None
        ) -> ContinuousCritic:
            if layer_norm:
                self.critic_kwargs['activation_fn'] = lambda: torch.nn.Sequential(
                    # All hidden layers have this size.
                    torch.nn.LayerNorm(sizes.hidden[0], elementwise_affine=False),
                    torch.nn.ReLU(),
                )
            return super().make_critic(features_extractor)

    return stable_baselines(SAC, Policy, sizes)


def plain_sb3(sizes: Sizes) -> Callable[[int], None]:
    """Return a function that runs updates of stable-baselines3's SAC, as it is shipped."""
    return sb3(sizes, layer_norm=False)


def sbx(sizes: Sizes) -> Callable[[int], None]:
    """Return a function that runs updates of sbx's SAC, which JAX compiles."""
    from sbx import SAC

    return stable_baselines(SAC, 'MlpPolicy', sizes, layer_norm=True)


def stable_baselines(
    kind: type, policy: type | str, sizes: Sizes, **options: object
) -> Callable[[int], None]:
    """Return the updates of SAC of stable-baselines3 or sbx, on random transitions."""
    from stable_baselines3.common.logger import configure

    agent = kind(
        policy,
        Nothing(sizes),
        batch_size=sizes.batch,
        buffer_size=sizes.rows,
        policy_kwargs={'net_arch': list(sizes.hidden), 'n_critics': sizes.critics, **options},
        device='cpu',
        seed=0,
    )
    agent.set_logger(configure(None, []))
    random = np.random.default_rng(0)
    for _ in range(sizes.rows):
        agent.replay_buffer.add(
            random.standard_normal((1, sizes.features), np.float32),
            random.standard_normal((1, sizes.features), np.float32),
            random.uniform(-1, 1, (1, sizes.actions)),
            np.zeros(1),
            np.zeros(1),
            [{}],
        )
    return lambda count: agent.train(gradient_steps=count, batch_size=sizes.batch)


def torchrl(sizes: Sizes) -> Callable[[int], None]:
    """Return a function that runs updates of TorchRL's SAC, as its own example of SAC does.

    Not compiled, which needs a C++ compiler.
    """
    from tensordict.nn import TensorDictModule
    import torch
    from torch import nn
    from torchrl.data import Bounded
    from torchrl.modules import (
        MLP,
        NormalParamExtractor,
        ProbabilisticActor,
        TanhNormal,
        ValueOperator,
    )
    from torchrl.objectives import SACLoss, SoftUpdate

    torch.manual_seed(0)
    spec = Bounded(-1, 1, (sizes.actions,))
    mlp = MLP(sizes.features, 2 * sizes.actions, num_cells=sizes.hidden, activation_class=nn.ReLU)
    actor = ProbabilisticActor(
        TensorDictModule(
            nn.Sequential(mlp, NormalParamExtractor()), ['observation'], ['loc', 'scale']
        ),
        ['loc', 'scale'],
        spec=spec,
        distribution_class=TanhNormal,
        return_log_prob=True,
    )
    critic = MLP(
        sizes.features + sizes.actions,
        1,
        num_cells=sizes.hidden,
        activation_class=nn.ReLU,
        norm_class=nn.LayerNorm,
        norm_kwargs={'normalized_shape': sizes.hidden[0], 'elementwise_affine': False},
    )
    critic = ValueOperator(critic, ['action', 'observation'])
    loss = SACLoss(actor, critic, num_qvalue_nets=sizes.critics, loss_function='l2')
    loss.make_value_estimator(gamma=0.97)
    targets = SoftUpdate(loss, tau=0.01)
    optimizers = [
        torch.optim.Adam(list(each), 3e-4)
        for each in (
            loss.actor_network_params.flatten_keys().values(),
            loss.qvalue_network_params.flatten_keys().values(),
            [loss.log_alpha],
        )
    ]
    buffer = random_buffer(sizes)

    def update() -> None:
        found = loss(buffer.sample())
        (found['loss_actor'] + found['loss_qvalue'] + found['loss_alpha']).backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        targets.step()

    return lambda count: [update() for _ in range(count)]


def random_buffer(sizes: Sizes) -> object:
    """Return a replay buffer of TorchRL with random transitions."""
    from tensordict import TensorDict
    import torch
    from torchrl.data import LazyTensorStorage, TensorDictReplayBuffer

    rows = sizes.rows
    buffer = TensorDictReplayBuffer(storage=LazyTensorStorage(rows), batch_size=sizes.batch)
    ended = torch.zeros(rows, 1, dtype=torch.bool)
    following = {
        'observation': torch.randn(rows, sizes.features),
        'reward': torch.zeros(rows, 1),
        'done': ended,
        'terminated': ended.clone(),
    }
    buffer.extend(
        TensorDict(
            {
                'observation': torch.randn(rows, sizes.features),
                'action': torch.rand(rows, sizes.actions) * 2 - 1,
                'next': following,
            },
            [rows],
        )
    )
    return buffer


def main() -> None:
    """Run a burst for each line on stdin."""
    sizes = Sizes(**json.loads(sys.argv[2]))
    kinds = {'sb3': sb3, 'plain_sb3': plain_sb3, 'sbx': sbx, 'torchrl': torchrl}
    work = kinds[sys.argv[1]](sizes)
    for _ in sys.stdin:
        start = time.perf_counter()
        work(sizes.burst)
        print(sizes.burst / (time.perf_counter() - start), flush=True)


if __name__ == '__main__':
    main()
