# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `vla`: newest observation in, `policy_command` and `policy_step` out."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
import time
from zlib import crc32

import numpy as np
from sensor_msgs.msg import Image
import torch

from irevla_control.cameras.picture_files import views_folder
from irevla_control.errors import BadMessageError, ConfigError, IrevlaError
from irevla_control.observation import Observation, ObservationBuffer, action_problem
from irevla_control.ros.conversions import (
    action_to_message,
    message_to_image,
    message_to_state,
    ns_to_stamp,
    stamp_to_ns,
    to_array,
)
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.node import Node, run_node
from irevla_control.ros.parameters import declare
from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION, RECORD
from irevla_control.stamp_clock import StampClock
from irevla_msgs.msg import EndEffectorCommand, EpisodeState, PolicyStep, PolicyUpdate, RobotState
from irevla_policy.checkpoints.checkpoint import load_checkpoint
from irevla_policy.checkpoints.head_update import unpack_head
from irevla_policy.exploration import SmoothNoise
from irevla_policy.model.device import usable_device
from irevla_policy.model.head import Head
from irevla_policy.model.vla import PolicyOutput
from irevla_policy.nodes.acting_gates import ActingGates, EpisodeStatus, Job
from irevla_policy.nodes.running_chunk import NextAction, RunningChunk
from irevla_policy.nodes.view_check import ViewCheck
from irevla_policy.nodes.vla_parameters import PARAMETERS
from irevla_policy.nodes.worker import NewestWorker


class VlaNode(Node):
    """Answers the newest complete observation of a running episode.

    `ActingGates` selects that observation.
    """

    def __init__(self) -> None:
        """Load the checkpoint, then subscribe to its cameras."""
        super().__init__('vla')
        values = declare(self, PARAMETERS)
        torch.set_num_threads(values['threads'])
        device = usable_device(values['device'])
        self._vla = load_checkpoint(Path(values['checkpoint']), device=device)
        self._vla.compile_for_inference()
        self._backbone_hash = self._vla.backbone_hash
        self._warm_up('warm up')
        self._max_age_s = values['max_age_s']
        self._gates = ActingGates(
            lock_step=values['max_skew_s'] == 0,
            see_effects=values['see_effects'],
            encode_last=values['encode_last'],
            max_age_s=self._max_age_s,
        )
        # On a robot max_skew_s is 1.5 times the time between two images.
        self._chunk = RunningChunk(round(values['max_skew_s'] * 1e9))
        cameras = self._vla.config.cameras
        self._buffer = ObservationBuffer(cameras, values['max_skew_s'])
        self._stamps, self._timed = StampClock(), (cameras[0], 'state')
        self._views = ViewCheck(
            self._vla.views,
            values['max_view_shift_px'],
            views_folder(values['views_folder'], self.get_namespace()),
            cameras,
        )
        self._viewed = ''
        # A new head waits for the end of the running pass.
        self._version = 0
        self._newest_head: tuple[int, Head] = 0, self._vla.head
        self._explores, self._noise_seed = values['noise_std_high'] > 0, values['noise_seed']
        self._make_noise = partial(
            SmoothNoise,
            self._vla.statistics.action_size,
            values['noise_correlation'],
            min(values['noise_std_low'], values['noise_std_high']),
            values['noise_std_high'],
        )
        # Noise of the episode with this name.
        self._noise: SmoothNoise | None = None
        self._noise_of = ''
        # Instructions whose slow first pass has run; the model's thread adds them.
        self._instructions: set[str] = set()
        self._problems = {'policy': '', 'observation': ''}
        self._frame_id = ''
        self._heard = time.monotonic()
        self._diagnostics = Diagnostics(self)
        self._worker: NewestWorker[Callable[[], None]] = NewestWorker(
            lambda job: job(), self._on_worker_error
        )
        for camera in cameras:
            self.create_subscription(
                Image, f'camera/{camera}/image_raw', self._on_image(camera), OBSERVATION
            )
        self.create_subscription(RobotState, 'robot_state', self._on_state, OBSERVATION)
        self.create_subscription(EpisodeState, 'episode', self._on_episode, EVENT)
        self.create_subscription(PolicyUpdate, 'policy_update', self._on_update, EVENT)
        if self._vla.config.head.chunk_size > 1:
            self.create_subscription(EndEffectorCommand, 'command', self._on_command, COMMAND)
        self._step = self.create_publisher(PolicyStep, 'policy_step', RECORD)
        # Created last, because other nodes take this publisher as a sign that the node is ready.
        self._command = self.create_publisher(EndEffectorCommand, 'policy_command', COMMAND)
        self._watch = self.create_timer(self._max_age_s / 2, self._on_watch)
        self.get_logger().info(
            f'ready on {device}: backbone {self._backbone_hash[:12]}, '
            f'cameras {", ".join(cameras)}'
            + (f'; probe: {self._vla.probed}' if self._vla.probed else '')
        )
        self._tell_views()
        if self._views.unknown:
            self.get_logger().info(
                f'no reference view of {", ".join(self._views.unknown)} in this checkpoint: a '
                'moved camera is not noticed'
            )

    def destroy_node(self) -> None:
        """Wait for the running pass, then destroy the publishers."""
        self._worker.stop()
        super().destroy_node()

    def _warm_up(self, instruction: str) -> None:
        """Run an instruction's first pass, which is far slower than later ones, in advance."""
        size = self._vla.config.image_size
        black = np.zeros((size, size, 3), np.uint8)
        self._vla.step(
            dict.fromkeys(self._vla.config.cameras, black),
            self._vla.statistics.state_mean,
            instruction,
        )
        self._warmed = time.monotonic()

    def _warm_up_once(self, instruction: str) -> None:
        if instruction not in self._instructions:
            # Added before the pass, so that a failing pass is reported once.
            self._instructions.add(instruction)
            self._warm_up(instruction)

    def _on_image(self, camera: str) -> Callable[[Image], None]:
        def receive(message: Image) -> None:
            try:
                self._add(camera, stamp_to_ns(message.header.stamp), message_to_image(message))
            except BadMessageError as error:
                self._diagnostics.refuse(f'camera {camera}: {error}')

        return receive

    def _on_state(self, message: RobotState) -> None:
        try:
            state = message_to_state(message)
        except BadMessageError as error:
            self._diagnostics.refuse(str(error))
            return
        self._frame_id = message.header.frame_id
        self._add('state', stamp_to_ns(message.header.stamp), state)

    def _on_episode(self, message: EpisodeState) -> None:
        if message.episode_id != self._gates.episode.episode_id:
            self._heard = time.monotonic()
            self._set_problem('observation', '')
        self._gates.episode = EpisodeStatus(
            message.episode_id,
            message.instruction,
            message.phase,
            message.aborted,
            stamp_to_ns(message.header.stamp),
        )
        self._act_if_due()
        if message.instruction and message.instruction not in self._instructions:
            # An idle job never replaces a waiting observation.
            self._worker.submit_when_idle(partial(self._warm_up_once, message.instruction))

    def _add(self, part: str, stamp: int, value: np.ndarray) -> None:
        if part in self._timed:
            self._stamps.add(part, stamp, time.monotonic_ns())
        observation = self._buffer.add(part, stamp, value)
        if observation is not None:
            self._heard = time.monotonic()
            self._diagnostics.count('observations')
            self._set_problem('observation', '')
            self._gates.observe(observation, self._heard)
            self._look_at_views(observation)
            self._act_if_due()

    def _look_at_views(self, observation: Observation) -> None:
        """Compare the views with those of the demonstrations, once per episode."""
        episode = self._gates.episode
        if (
            not episode.running
            or self._viewed == episode.episode_id
            or observation.stamp < episode.stamp
        ):
            return
        self._viewed = episode.episode_id
        self._views.look(observation.images)
        self._tell_views()
        self._diagnostics.warn(self._views.problem)

    def _tell_views(self) -> None:
        for camera, note in self._views.notes.items():
            self._diagnostics.note(f'{camera} view shift', note)

    def _act_if_due(self) -> None:
        job = self._gates.next_job()
        if job is None:
            return
        if self._worker.submit(partial(self._act, job, self._frame_id)):
            self._diagnostics.count('replaced by newer')

    def _act(self, job: Job, frame_id: str) -> None:
        refusal = self._gates.refusal(job, time.monotonic(), self._now(), self._warmed)
        if refusal:
            self._diagnostics.refuse(refusal)
            return
        noise = self._next_noise(job)
        following = self._chunk.next_action(job, self._newest_head[0])
        if following is not None and self._gates.may_command(job):
            normalised, action = self._vla.executed(following.action, noise)
            step = self._step_message(job, normalised, following)
        else:
            output, inference_s = self._pass(job, noise)
            action = output.action
            step = self._step_message(job, output.action_normalised)
            self._add_latent(step, output, inference_s)
            if not self._gates.may_command(job):
                # Too late for a command, but a learner needs the latent.
                self._step.publish(step)
                return
        problem = action_problem(action)
        if problem:
            self._diagnostics.refuse(f'the policy gave no usable action: {problem}')
            return
        stamp = ns_to_stamp(job.observation.stamp)
        self._command.publish(
            action_to_message(action, stamp, frame_id, EndEffectorCommand.SOURCE_POLICY)
        )
        now = self._now()
        self._gates.command_sent(now)
        self._chunk.command_sent(job, now)
        self._diagnostics.time('observation to command', time.monotonic() - job.received_s)
        if step.latent_tokens:
            self._diagnostics.time('forward pass', step.inference_s)
        self._diagnostics.count('commands')
        self._step.publish(step)
        self._set_problem('policy', '')

    def _pass(self, job: Job, noise: np.ndarray | None) -> tuple[PolicyOutput, float]:
        """Run the model on the job's observation; return its output and the time [s]."""
        if self._newest_head[0] > self._version:
            self._version, self._vla.head = self._newest_head
        self._instructions.add(job.episode.instruction)
        start = time.monotonic()
        output = self._vla.step(
            job.observation.images, job.observation.state, job.episode.instruction, noise
        )
        inference_s = time.monotonic() - start
        self._chunk.begin(job, output.chunk, self._version)
        return output, inference_s

    def _on_command(self, message: EndEffectorCommand) -> None:
        """Store what the robot executes, which decides whether a chunk continues."""
        by_policy = message.source == EndEffectorCommand.SOURCE_POLICY
        self._chunk.command_executed(stamp_to_ns(message.header.stamp), by_policy)

    def _now(self) -> int:
        """Return the present time on the clock of the sensors' stamps [ns]."""
        now = self._stamps.at(time.monotonic_ns())
        assert now is not None
        return now

    def _next_noise(self, job: Job) -> np.ndarray | None:
        if not self._explores or not job.episode.running:
            return None
        if self._noise is None or self._noise_of != job.episode.episode_id:
            self._noise_of = job.episode.episode_id
            # Seeded by the episode's name, so that a restarted node draws other noise.
            self._noise = self._make_noise([self._noise_seed, crc32(self._noise_of.encode())])
        return self._noise()

    def _on_update(self, message: PolicyUpdate) -> None:
        """Load new weights of the head before the next action."""
        newest = self._newest_head[0]
        if message.backbone_hash != self._backbone_hash:
            self._diagnostics.refuse(
                f'policy_update {message.version} refused: for backbone '
                f'{message.backbone_hash[:12]!r}, this is {self._backbone_hash[:12]!r}'
            )
        elif message.version <= newest:
            self._diagnostics.refuse(
                f'policy_update {message.version} refused: version {newest} is here already'
            )
        else:
            try:
                head = unpack_head(bytes(message.weights), self._vla.head)
            except ConfigError as error:
                self._diagnostics.refuse(f'policy_update {message.version} refused: {error}')
                return
            self._newest_head = message.version, head
            self._diagnostics.count('policy updates')

    def _step_message(
        self, job: Job, action: np.ndarray, following: NextAction | None = None
    ) -> PolicyStep:
        """Return the message of an action, without the latent of a pass."""
        stamp = job.observation.stamp
        message = PolicyStep(
            episode_id=job.episode.episode_id,
            action=to_array('f', action),
            head_version=self._version,
            backbone_hash=self._backbone_hash,
            chunk_index=following.index if following else 0,
        )
        message.header.stamp = ns_to_stamp(stamp)
        message.latent_stamp = ns_to_stamp(following.latent_stamp if following else stamp)
        return message

    @staticmethod
    def _add_latent(message: PolicyStep, output: PolicyOutput, inference_s: float) -> None:
        message.latent_tokens, message.latent_width = output.latent.shape
        message.latent = to_array('H', output.latent.astype(np.float16).view(np.uint16))
        message.proprioception = to_array('f', output.proprioception)
        message.inference_s = inference_s

    def _on_worker_error(self, error: Exception) -> None:
        if isinstance(error, IrevlaError):
            self._diagnostics.refuse(str(error))
        else:
            self._set_problem('policy', f'{type(error).__name__}: {error}')

    def _set_problem(self, of: str, reason: str) -> None:
        """Set or clear the problem of one part; the problems of other parts remain."""
        self._problems[of] = reason
        self._diagnostics.error('; '.join(filter(None, self._problems.values())))

    def _on_watch(self) -> None:
        """Report when the observations of a running episode stop."""
        silent = time.monotonic() - self._heard
        waiting = self._gates.episode.running and not self._worker.busy
        if waiting and silent > self._max_age_s:
            missing = self._buffer.missing()
            what = f'never came: {", ".join(missing)}' if missing else 'no new one came'
            self._set_problem(
                'observation',
                'no complete observation for more than '
                f'{self._max_age_s} s ({what}); the policy does not act',
            )


def main() -> None:
    """Run the node."""
    run_node(VlaNode)


if __name__ == '__main__':
    main()
