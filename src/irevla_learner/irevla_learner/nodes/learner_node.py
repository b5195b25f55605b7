# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `learner`: joins episodes of latents, trains on them, publishes the head's weights."""

from pathlib import Path
import queue
import threading
import time

import numpy as np
from std_msgs.msg import Bool
import torch

from irevla_control.errors import BadMessageError, ConfigError
from irevla_control.ros.conversions import message_to_action, stamp_to_ns, to_array
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.node import Node, NodeDone, run_node
from irevla_control.ros.parameters import declare
from irevla_control.ros.qos import EVENT, RECORD, RECORD_EVENT
from irevla_learner.json_file import json_values
from irevla_learner.nodes.episode_joiner import EpisodeJoiner, Outcome, SeenStep
from irevla_learner.nodes.learner_parameters import PARAMETERS
from irevla_learner.nodes.policy_step import read_policy_step
from irevla_learner.replay.latent_episode import LatentEpisode
from irevla_learner.runs.outcome import write_outcome
from irevla_learner.sacfd.config import SACfDConfig
from irevla_learner.sacfd.online_learner import OnlineLearner
from irevla_msgs.msg import EndEffectorCommand, EpisodeState, PolicyStep, PolicyUpdate
from irevla_policy.checkpoints.head_update import pack_head
from irevla_policy.checkpoints.latent_checkpoint import load_latent_policy, save_latent_policy
from irevla_policy.metrics_log import MetricsLog
from irevla_policy.model.device import usable_device

# Number of updates between two checks for new episodes.
SLICE = 20
HUMANS = (EndEffectorCommand.SOURCE_TELEOP, EndEffectorCommand.SOURCE_EXPERT)


class LearnerNode(Node):
    """Trains in a thread; ends when the success rate or the number of steps is reached."""

    def __init__(self) -> None:
        """Load the policy, then subscribe."""
        super().__init__('learner')
        values = declare(self, PARAMETERS)
        if not values['root']:
            raise ConfigError('parameter root is empty; set it to a folder')
        torch.set_num_threads(values['threads'])
        device = usable_device(values['device'])
        self._root = Path(values['root'])
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f'parameter root {self._root}: {error}') from error
        self._task = values['task']
        self._checkpoint = Path(values['checkpoint'])
        self._policy = load_latent_policy(self._checkpoint)
        self._hash = self._policy.backbone_hash
        settings = SACfDConfig.load(Path(values['settings']) if values['settings'] else None)
        self._tensorboard = settings.tensorboard
        self._learner = OnlineLearner(
            self._policy, settings, self._root, values['seed'], str(device)
        )
        self.get_logger().info(self._learner.demonstrations_in_use)
        self._max_pending_updates = values['max_pending_updates']
        self._publish_period_s = values['publish_period_s']
        self._joiner = EpisodeJoiner()
        self._incomplete = 0
        self._episodes: queue.SimpleQueue[LatentEpisode] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._error: Exception | None = None
        self._finished = self._behind = self._raised = False
        # None: not published yet. An earlier learner may have paused the episode runner.
        self._paused: bool | None = None
        self._diagnostics = Diagnostics(self)
        # Reliable: an episode with a missing message is discarded.
        self.create_subscription(PolicyStep, 'policy_step', self._on_step, RECORD)
        self.create_subscription(EndEffectorCommand, 'command', self._on_command, RECORD)
        self.create_subscription(EpisodeState, 'episode', self._on_episode, RECORD_EVENT)
        self._pause = self.create_publisher(Bool, 'pause_episodes', EVENT)
        self._startup = self.create_timer(0.1, self._on_startup)
        self._ended = self.create_guard_condition(self._on_ended)
        self._progressed = self.create_guard_condition(self._update_pause)
        self.create_timer(values['log_period_s'], self._on_log)
        self._thread = threading.Thread(target=self._run, name='learner', daemon=True)
        self.get_logger().info(f'head of {values["checkpoint"]}, backbone {self._hash[:12]}')

    def destroy_node(self) -> None:
        """Wait for the running updates; save the episodes and the training state."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        if self._error and not self._raised:
            # `_on_ended`, which raises it, is not called any more.
            self.get_logger().error(f'training ended early: {self._error}')
            self.exit_status = 1
        super().destroy_node()

    def _on_startup(self) -> None:
        """Start when all needed topics have publishers, so that no first message is missed."""
        if all(map(self.count_publishers, ('policy_step', 'command', 'episode'))):
            self.destroy_timer(self._startup)
            # Other nodes take this publisher as a sign that the learner is ready.
            self._update = self.create_publisher(PolicyUpdate, 'policy_update', EVENT)
            if self._learner.version:
                # Continued from a folder: the policy must not act with the initial head.
                self._publish()
            self._thread.start()
            self.get_logger().info('ready')

    def _on_step(self, message: PolicyStep) -> None:
        statistics = self._policy.statistics
        try:
            seen = read_policy_step(
                message,
                self._hash,
                self._policy.head.width,
                statistics.state_size,
                self._policy.chunk_size,
            )
        except BadMessageError as error:
            self._diagnostics.refuse(f'{error}; its episode is not used')
            return
        latent, state = seen or (None, None)
        action = np.array(message.action, np.float32)
        if action.shape != (statistics.action_size,) or not np.isfinite(action).all():
            self._diagnostics.refuse(
                f'policy_step with action {action}; {statistics.action_size} '
                'finite numbers are needed'
            )
            return
        self._joiner.add_step(
            message.episode_id,
            stamp_to_ns(message.header.stamp),
            SeenStep(latent, state, action, message.head_version, message.chunk_index),
        )
        self._hand_over()

    def _on_command(self, message: EndEffectorCommand) -> None:
        try:
            action = message_to_action(message)
        except BadMessageError as error:
            self._diagnostics.refuse(f'command not used: {error}')
            return
        self._joiner.add_command(
            stamp_to_ns(message.header.stamp),
            self._policy.statistics.normalise_action(action),
            message.source in HUMANS,
        )
        self._hand_over()

    def _on_episode(self, message: EpisodeState) -> None:
        if message.phase == EpisodeState.PHASE_IDLE:
            return
        if not np.isfinite(message.reward):
            self._diagnostics.refuse(
                f'episode {message.episode_id} with reward {message.reward}; it is not used'
            )
            return
        outcome = None
        if message.phase == EpisodeState.PHASE_ENDED:
            easier = bool(self._task) and message.task != self._task
            outcome = Outcome(message.terminated, message.success, message.aborted, easier)
        self._joiner.add_event(
            message.episode_id,
            stamp_to_ns(message.header.stamp),
            message.step,
            message.reward,
            outcome,
        )
        self._hand_over()

    def _hand_over(self) -> None:
        for episode in self._joiner.take():
            self._episodes.put(episode)
            self._update_pause()
        self._diagnostics.set_totals(self._joiner.counts)
        if self._joiner.counts['incomplete'] > self._incomplete:
            self._incomplete = self._joiner.counts['incomplete']
            self._diagnostics.refuse(
                'an episode lacks a policy_step, command or episode message: it is not used'
            )

    def _update_pause(self) -> None:
        # Episodes of an outdated head, or after the end of the stage, are of little use.
        pause = self._behind or self._episodes.qsize() > 1
        if pause != self._paused:
            self._paused = pause
            self._pause.publish(Bool(data=pause))

    def _run(self) -> None:
        try:
            self._learn()
        except Exception as error:
            self._error = error
        if not self._stop.is_set():
            self._ended.trigger()

    def _learn(self) -> None:
        learner, busy = self._learner, False
        due, published = time.monotonic(), learner.version
        log = MetricsLog(self._root, learner.progress().env_steps, self._tensorboard)
        while not self._stop.is_set() and (not learner.done or learner.pending_updates):
            self._take_in(log, wait_s=0.0 if busy else 0.1)
            self._behind = learner.done or learner.pending_updates > self._max_pending_updates
            self._progressed.trigger()
            busy = learner.run_updates(SLICE) > 0
            if learner.version > published and time.monotonic() > due:
                due, published = time.monotonic() + self._publish_period_s, learner.version
                self._publish()
        # Episodes that are complete when the node stops are kept.
        while self._take_in(log, wait_s=0.0):
            pass
        log.close()
        if not learner.learning:
            return
        learner.save()
        learner.copy_to(self._policy.head)
        now = learner.progress()
        save_latent_policy(
            self._root / 'checkpoint',
            self._checkpoint,
            self._policy,
            {'stage1': json_values({'env_steps': now.env_steps, **now.metrics()})},
        )
        if learner.done and not learner.pending_updates:
            write_outcome(self._root, now.env_steps, now.updates, now.episodes)
            self._finished = True

    def _take_in(self, log: MetricsLog, wait_s: float) -> bool:
        """Add the next episode to the replay; return whether there was one."""
        learner = self._learner
        try:
            episode = self._episodes.get(timeout=wait_s)
        except queue.Empty:
            return False
        if not learner.done:
            learner.add(episode)
            now = learner.progress()
            log.add(now.env_steps, **now.metrics())
            # Committed last: if killed before, the row of metrics is dropped at the next start.
            learner.commit_episode()
        return True

    def _publish(self) -> None:
        self._learner.copy_to(self._policy.head)
        message = PolicyUpdate(
            version=self._learner.version,
            backbone_hash=self._hash,
            weights=to_array('B', np.frombuffer(pack_head(self._policy.head), np.uint8)),
        )
        message.header.stamp = self.get_clock().now().to_msg()
        self._update.publish(message)
        self._diagnostics.count('versions')

    def _on_ended(self) -> None:
        if self._error is not None:
            self._raised = True
            raise self._error
        if self._finished:
            self._on_log()
            raise NodeDone

    def _on_log(self) -> None:
        now = self._learner.progress()
        self.get_logger().info(f'{now.env_steps} environment steps, {now}')


def main() -> None:
    """Run the node."""
    run_node(LearnerNode)


if __name__ == '__main__':
    main()
