# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A finished run folder with real bags, for tests of the report."""

from pathlib import Path

import numpy as np
from rclpy.serialization import serialize_message

from irevla_control.bags.writer import BagWriter, Topic
from irevla_control.ros.conversions import action_to_message, image_to_message, ns_to_stamp
from irevla_learner.json_file import write_json
from irevla_learner.runs.evaluation import EpisodeResult, save_results
from irevla_learner.runs.run_folder import RunFolder
from irevla_msgs.msg import EpisodeState, RobotState
from irevla_policy.metrics_log import MetricsLog

STEP_NS = 50_000_000


def record(
    root: Path, result: EpisodeResult, instruction: str, images: dict, older_ns: int = 0
) -> None:
    """Write an evaluated episode as the recorder does; images: camera name to (T, H, W, 3).

    The stamps of the images are older than the observations by ``older_ns``.
    """
    types = {
        '/robot_state': 'irevla_msgs/msg/RobotState',
        '/episode': 'irevla_msgs/msg/EpisodeState',
        '/command': 'irevla_msgs/msg/EndEffectorCommand',
        '/expert_label': 'irevla_msgs/msg/EndEffectorCommand',
        **{f'/camera/{name}/image_raw': 'sensor_msgs/msg/Image' for name in images},
    }
    writer = BagWriter(
        root / result.episode_id, [Topic(name, kind) for name, kind in types.items()], {}
    )
    for step in range(result.steps):
        stamp = ns_to_stamp((step + 1) * STEP_NS)
        # Joints are given, because rclpy pads a message of empty sequences with arbitrary bytes.
        robot = RobotState(
            joint_position=[0.0] * 7, joint_velocity=[0.0] * 7, joint_effort=[0.0] * 7
        )
        event = EpisodeState(
            episode_id=result.episode_id,
            task=result.task,
            instruction=instruction,
            seed=result.seed,
            step=step,
            success=result.success,
        )
        robot.header.stamp = event.header.stamp = stamp
        messages = {
            '/robot_state': robot,
            '/episode': event,
            '/command': action_to_message(np.zeros(7), stamp, 'base', 1),
            **{
                f'/camera/{name}/image_raw': image_to_message(
                    frames[step], ns_to_stamp((step + 1) * STEP_NS - older_ns), name
                )
                for name, frames in images.items()
            },
        }
        for topic, message in messages.items():
            writer.write(
                topic, (step + 1) * STEP_NS, (step + 1) * STEP_NS, step, serialize_message(message)
            )
    flags = {
        name: str(getattr(result, name)).lower()
        for name in ('success', 'aborted', 'terminated', 'truncated')
    }
    writer.close(
        {
            'episode_id': result.episode_id,
            'task': result.task,
            'instruction': instruction,
            'seed': str(result.seed),
            **flags,
            'recovered': 'false',
            'steps': str(result.steps),
            'sources': 'policy',
            'failed': '',
            'lost': '{}',
            'max_gap_s': '{}',
            'recorded_ns': '0',
        }
    )


def write_metrics(folder: Path, steps: int) -> None:
    """Write the metrics of a training whose loss falls."""
    folder.mkdir(parents=True)
    with (folder / 'metrics.jsonl').open('w') as file:
        for step in range(20, steps + 1, 20):
            loss = 0.8 * np.exp(-step / (0.2 * steps)) + 0.02
            values = {
                'step': step,
                'loss': loss * (1 + 0.1 * np.sin(step)),
                'samples_per_s': 950.5,
                'data_wait_share': 0.0123,
            }
            file.write(str(values).replace("'", '"') + '\n')
            if step % 100 == 0:
                file.write(f'{{"step": {step}, "validation_loss": {1.2 * loss}}}\n')


def evaluated_run(path: Path, stages: dict[str, list], steps: int = 200) -> Path:
    """Write a run folder of door-open and drawer-open (expert) and door-open-new (rl).

    `stages`: stage to episodes (result, instruction, images); without images there is no bag.
    """
    tasks = {'expert': ['door-open', 'drawer-open'], 'rl': ['door-open-new'], 'held_out': []}
    with RunFolder(path, {'tasks': tasks}, 7) as run:
        run.add_time('setup', 61.5)
        with run.step('collect'):
            (path / 'demonstrations').mkdir()
        for stage, episodes in stages.items():
            name = 'train' if stage == 'stage0' else stage
            with run.step(name) as step:
                if stage == 'stage1':
                    step.results.update(env_steps=900, updates=1800, task='door-open-new')
                    write_learning(path / stage)
                else:
                    step.results.update(updates=steps, learned_episodes=99)
                    write_metrics(path / stage / 'training', steps)
                (path / stage / 'checkpoint').mkdir()
                write_json(path / stage / 'checkpoint' / 'config.json', {})
            with run.step(f'evaluate {stage}'):
                for result, instruction, images in episodes:
                    if images is not None:
                        record(path / stage / 'evaluation/worker0', result, instruction, images)
                save_results(
                    path / stage / 'evaluation/results.json', [result for result, *_ in episodes]
                )
    return path


def write_learning(folder: Path) -> None:
    """Write the metrics of a stage 1."""
    log = MetricsLog(folder, 0)
    for episode in range(30):
        log.add(
            30 * (episode + 1),
            episodes=episode + 1,
            successes=episode // 2,
            updates=max(0, 60 * (episode - 10)),
            value=0.5,
            critic_loss=0.01,
        )
    log.close()
