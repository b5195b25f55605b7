# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `reward`: tells from the policy's latents whether the task is done."""

from pathlib import Path

import numpy as np
from rclpy.node import Node
import torch

from irevla_control.errors import ConfigError
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.node import run_node
from irevla_control.ros.parameters import Parameter, declare
from irevla_control.ros.qos import RECORD
from irevla_learner.success_classifier import load_classifier
from irevla_msgs.msg import PolicyStep, SuccessEstimate
from irevla_policy.checkpoint import load_checkpoint

PARAMETERS = {
    'checkpoint': Parameter('', 'folder of the policy whose latents it reads'),
    'classifier': Parameter('', 'folder of the success classifier'),
}


class RewardNode(Node):
    """Publishes a probability and a debounced success for every policy step."""

    def __init__(self) -> None:
        """Load the classifier, then subscribe."""
        super().__init__('reward')
        values = declare(self, PARAMETERS)
        torch.set_num_threads(1)
        if not values['classifier']:
            raise ConfigError('parameter classifier is empty; give the folder of one')
        self._hash = load_checkpoint(Path(values['checkpoint'])).backbone_hash
        self._classifier = load_classifier(Path(values['classifier']), self._hash)
        self._episode_id = ''
        self._debounce = self._classifier.new_debounce()
        self._diagnostics = Diagnostics(self)
        self.create_subscription(PolicyStep, 'policy_step', self._on_step, RECORD)
        # Last: its presence tells others that the node is ready.
        self._estimate = self.create_publisher(SuccessEstimate, 'success_estimate', RECORD)
        description = self._classifier.description
        self.get_logger().info(f'ready: threshold {description.threshold:.3f}, '
                               f'{description.consecutive} observations in a row')

    def _on_step(self, message: PolicyStep) -> None:
        description = self._classifier.description
        size = message.latent_tokens, message.latent_width
        if message.backbone_hash != self._hash:
            self._diagnostics.refuse(
                f'policy_step of backbone {message.backbone_hash[:12]!r}, the classifier reads '
                f'{self._hash[:12]!r}; train it anew on that policy')
            return
        if len(message.latent) != size[0] * size[1] or size[1] != description.width \
                or len(message.proprioception) != description.state_size:
            self._diagnostics.refuse(
                f'policy_step with a latent of {len(message.latent)} numbers as {size[0]} x '
                f'{size[1]} and {len(message.proprioception)} states; width {description.width} '
                f'and {description.state_size} states are needed')
            return
        latent = np.frombuffer(message.latent, np.uint16).view(np.float16).reshape(1, *size)
        states = np.array(message.proprioception, np.float32)[None]
        if not (np.isfinite(latent).all() and np.isfinite(states).all()):
            self._diagnostics.refuse('policy_step with numbers that are not finite')
            return
        if message.episode_id != self._episode_id:
            self._episode_id, self._debounce = message.episode_id, self._classifier.new_debounce()
        probability = float(self._classifier.probability(
            torch.from_numpy(latent.copy()), torch.from_numpy(states))[0])
        self._estimate.publish(SuccessEstimate(
            header=message.header, episode_id=message.episode_id, step=message.step,
            probability=probability, success=self._debounce(probability)))
        self._diagnostics.count('estimates')


def main() -> None:
    """Run the node."""
    run_node(RewardNode)


if __name__ == '__main__':
    main()
