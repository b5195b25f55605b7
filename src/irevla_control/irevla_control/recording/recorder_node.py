# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `recorder`: records all topics of the suite in one bag per episode."""

from dataclasses import replace
from functools import partial
import json
from pathlib import Path
import time

from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from rosidl_runtime_py.utilities import get_message
from std_msgs.msg import Float64

from irevla_control.bags.index import EpisodeEntry
from irevla_control.bags.writer import Topic
from irevla_control.errors import ConfigError, IrevlaError
from irevla_control.parameters.parameter_fields import from_parameters, parameters_of
from irevla_control.recording.limits import Limits
from irevla_control.recording.recorder import Recorder
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.inbox import Inbox, Polled, Stream
from irevla_control.ros.node import Node, run_node
from irevla_control.ros.parameters import (
    CAMERA,
    TOPIC,
    TYPED_TOPIC,
    Parameter,
    declare,
)
from irevla_control.ros.qos import EVENT, RECORD, RECORD_EVENT
from irevla_msgs.msg import RecordedEpisode

MB = 1_000_000
PARAMETERS = {
    'root': Parameter('', 'folder that gets one bag per episode'),
    'cameras': Parameter(['front', 'wrist'], 'cameras, by name', form=CAMERA),
    'record_policy_steps': Parameter(
        False, 'also record policy_step: the latents of the VLM, which no reader of bags needs'
    ),
    'topics': Parameter([''], 'further topics, each "name package/msg/Type"', form=TYPED_TOPIC),
    'poll_hz': Parameter(50.0, 'how often the queues of all topics are emptied [Hz]', 5.0, 1000.0),
    **parameters_of(Limits),
    'hold_mb': Parameter(
        Limits.hold_bytes // MB, 'most memory for waiting messages [MB]', 1, 65536
    ),
    'min_free_mb': Parameter(
        Limits.min_free_bytes // MB,
        'free disk space below which nothing is recorded [MB]',
        0,
        10_000_000,
    ),
    'from_start': Parameter(
        [''],
        "topics with a message of each episode's first stamp; a "
        'recording without one began too late and counts as aborted',
        form=TOPIC,
    ),
}
SUITE_TOPICS = {
    'robot_state': 'irevla_msgs/msg/RobotState',
    'episode': 'irevla_msgs/msg/EpisodeState',
    'simulator_state': 'irevla_msgs/msg/SimulatorState',
    'teleop_command': 'irevla_msgs/msg/EndEffectorCommand',
    'expert_label': 'irevla_msgs/msg/EndEffectorCommand',
    'policy_command': 'irevla_msgs/msg/EndEffectorCommand',
    'command': 'irevla_msgs/msg/EndEffectorCommand',
}
POLICY_STEP = {'policy_step': 'irevla_msgs/msg/PolicyStep'}
DISCOVERY_PERIOD_S = 1.0


class RecorderNode(Node):
    """Passes the messages of all topics to a `Recorder`; announces committed episodes."""

    def __init__(self) -> None:
        """Subscribe, recover the bags of a killed recorder, and start."""
        super().__init__('recorder')
        values = declare(self, PARAMETERS)
        if not values['root']:
            raise ConfigError('parameter root is empty; name the folder to record to')
        self._diagnostics = Diagnostics(self)
        self._recorded = self.create_publisher(RecordedEpisode, 'recorded_episode', EVENT)
        group = Polled()
        self._streams = {}
        topics = self._topics(values)
        for name, type_name in topics.items():
            self._streams[name] = Stream(
                self.create_subscription(
                    _message_class(type_name),
                    name,
                    lambda data: None,
                    callback_group=group,
                    raw=True,
                    qos_profile=RECORD_EVENT if name.endswith('/episode') else RECORD,
                )
            )
        self._recorder = Recorder(
            Path(values['root']),
            [Topic(name, kind) for name, kind in topics.items()],
            from_parameters(
                Limits,
                values,
                hold_bytes=values['hold_mb'] * MB,
                min_free_bytes=values['min_free_mb'] * MB,
                cameras=tuple(
                    self.resolve_topic_name(f'camera/{name}/image_raw')
                    for name in values['cameras']
                    if name
                ),
                from_start=tuple(
                    self.resolve_topic_name(name) for name in values['from_start'] if name
                ),
            ),
            self._on_committed,
            self._diagnostics.error,
        )
        self._clock_offsets: dict[str, float] = {}
        for camera in filter(None, values['cameras']):
            self.create_subscription(
                Float64,
                f'camera/{camera}/clock_offset',
                partial(self._on_clock_offset, camera),
                EVENT,
            )
        self._inbox = Inbox(
            self._streams,
            1 / values['poll_hz'],
            values['hold_mb'] * MB,
            self.create_guard_condition(self._write).trigger,
        )
        self.create_timer(DISCOVERY_PERIOD_S, self._on_second)

    def destroy_node(self) -> None:
        """Commit the open episodes; then destroy the node."""
        if hasattr(self, '_inbox'):
            self._inbox.close()
            try:
                self._write()
            finally:
                self._recorder.close()
        super().destroy_node()

    def _topics(self, values: dict) -> dict[str, str]:
        """Return all topics, resolved, with their types."""
        topics = (
            {
                f'camera/{camera}/image_raw': 'sensor_msgs/msg/Image'
                for camera in values['cameras']
                if camera
            }
            | SUITE_TOPICS
            | (POLICY_STEP if values['record_policy_steps'] else {})
        )
        for text in filter(None, values['topics']):
            name, type_name = text.split()
            topics[name] = type_name
        return {self.resolve_topic_name(name): type_name for name, type_name in topics.items()}

    def _on_clock_offset(self, camera: str, message: Float64) -> None:
        self._clock_offsets[camera] = round(message.data, 6)
        self._recorder.notes['clock_offset_s'] = json.dumps(self._clock_offsets, sort_keys=True)

    def _write(self) -> None:
        began = time.perf_counter()
        try:
            for batch, cut in self._inbox.take():
                for message in batch:
                    self._recorder.add(*message)
                self._recorder.update(cut)
        except Exception as error:
            why = str(error) if isinstance(error, IrevlaError) else repr(error)
            self._diagnostics.error(f'nothing is recorded any more: {why}')
            self._diagnostics.publish()
            raise
        self._diagnostics.time('write', time.perf_counter() - began)

    def _on_second(self) -> None:
        self._diagnostics.set_totals(self._recorder.counts)
        for name, stream in self._streams.items():
            offers = [info.qos_profile for info in self.get_publishers_info_by_topic(name)]
            stream.gaps.publishers = max(1, len(offers))
            if any(offer.reliability != ReliabilityPolicy.RELIABLE for offer in offers):
                self._diagnostics.refuse(
                    f'{name} has a best-effort publisher, which is not '
                    'recorded; publish it reliably'
                )
            if offers:
                self._recorder.topics[name] = replace(
                    self._recorder.topics[name],
                    transient_local=all(
                        offer.durability == DurabilityPolicy.TRANSIENT_LOCAL for offer in offers
                    ),
                )

    def _on_committed(self, entry: EpisodeEntry) -> None:
        names = sorted(entry.topics)
        counted = [entry.topics[name] for name in names]
        message = RecordedEpisode(
            episode_id=entry.episode_id,
            task=entry.task,
            uri=str((Path(self.get_parameter('root').value) / entry.episode_id).absolute()),
            success=entry.success,
            aborted=entry.aborted,
            bytes=entry.bytes,
            topics=names,
            messages=[topic['messages'] for topic in counted],
            lost=[topic['lost'] for topic in counted],
            max_gap_s=[topic['max_gap_s'] for topic in counted],
        )
        message.header.stamp = self.get_clock().now().to_msg()
        self._recorded.publish(message)
        lost = {name: topic['lost'] for name, topic in entry.topics.items() if topic['lost']}
        if lost:
            self._diagnostics.refuse(f'episode {entry.episode_id} lost messages: {lost}')
        if entry.dropped:
            self._diagnostics.refuse(
                f'episode {entry.episode_id}: {entry.dropped} of '
                f'{entry.steps} steps have no complete observation'
            )
        self._diagnostics.error(entry.failed and f'episode {entry.episode_id}: {entry.failed}')
        self.get_logger().info(
            f'{entry.episode_id}: {entry.steps} steps, {entry.dropped or 0} dropped, '
            f'{entry.bytes / 1e6:.1f} MB'
            + (' (recovered)' if entry.recovered else '')
            + (' (aborted)' if entry.aborted else '')
            + (f' (failed: {entry.failed})' if entry.failed else '')
        )


def _message_class(type_name: str) -> type:
    try:
        return get_message(type_name)
    except (AttributeError, ModuleNotFoundError, ValueError) as error:
        raise ConfigError(
            f'message type {type_name!r} is not known ({error}); source the '
            'workspace that contains it, or correct parameter topics'
        ) from error


def main() -> None:
    """Run the node."""
    run_node(RecorderNode)


if __name__ == '__main__':
    main()
