# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `reward`: success classifier on the policy's latents."""

from pathlib import Path

import torch

from irevla_control.errors import BadMessageError, ConfigError
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.node import Node, run_node
from irevla_control.ros.parameters import declare
from irevla_control.ros.qos import RECORD
from irevla_learner.classifier.success_classifier import load_classifier
from irevla_learner.nodes.policy_step import read_policy_step
from irevla_learner.nodes.reward_parameters import PARAMETERS
from irevla_msgs.msg import PolicyStep, Reward
from irevla_policy.checkpoints.files import read_manifest


class RewardNode(Node):
    """Publishes a probability and a debounced success for every policy step."""

    def __init__(self) -> None:
        """Load the classifier, then subscribe."""
        super().__init__('reward')
        values = declare(self, PARAMETERS)
        torch.set_num_threads(1)
        if not values['classifier']:
            raise ConfigError('parameter classifier is empty; give the folder of one')
        self._hash = read_manifest(Path(values['checkpoint']))['backbone_hash']
        self._classifier = load_classifier(Path(values['classifier']), self._hash)
        self._episode_id = ''
        self._debounce = self._classifier.new_debounce()
        self._diagnostics = Diagnostics(self)
        self.create_subscription(PolicyStep, 'policy_step', self._on_step, RECORD)
        # Created last: other nodes take this publisher as a sign that the node is ready.
        self._reward = self.create_publisher(Reward, 'reward', RECORD)
        description = self._classifier.description
        self.get_logger().info(
            f'ready: threshold {description.threshold:.3f}, '
            f'{description.consecutive} observations in a row'
        )

    def _on_step(self, message: PolicyStep) -> None:
        if message.chunk_index:
            # Without a latent: the observations of a chunk after its first are not judged.
            return
        description = self._classifier.description
        try:
            seen = read_policy_step(message, self._hash, description.width, description.state_size)
        except BadMessageError as error:
            self._diagnostics.refuse(str(error))
            return
        assert seen is not None
        latent, state = seen
        if message.episode_id != self._episode_id:
            self._episode_id, self._debounce = message.episode_id, self._classifier.new_debounce()
        probability = float(
            self._classifier.probability(
                torch.from_numpy(latent)[None], torch.from_numpy(state)[None]
            )[0]
        )
        before = self._debounce.success
        success = self._debounce(probability)
        self._reward.publish(
            Reward(
                header=message.header,
                episode_id=message.episode_id,
                success=success,
                success_probability=probability,
                reward=float(success and not before),
                backbone_hash=self._hash,
            )
        )
        self._diagnostics.count('rewards')


def main() -> None:
    """Run the node."""
    run_node(RewardNode)


if __name__ == '__main__':
    main()
