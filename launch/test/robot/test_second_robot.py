# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy at work on franka-sim, an independent simulator that enforces the robot's limits."""

from contextlib import ExitStack
import json
import os
from pathlib import Path
import subprocess
import sys
import threading
import time

import graph
import pytest

from irevla_bringup.play.shipped import CHECKPOINT, POLICY
from irevla_sim.panda.scene import PandaScene
from irevla_sim.panda.second_robot import SecondRobot
from irevla_sim.panda.shared_scene import SharedScene
from irevla_sim.panda.table.tasks import TASKS

ROOT = Path(__file__).resolve().parents[3]
EPISODES, HORIZON = 3, 60


class StillScene:
    """The table without physics: cameras see its layouts; the arm in the images does not move."""

    def __init__(self, name):
        self._scene = PandaScene()
        self._scene.init()
        self._scene.start()
        self._shared = SharedScene(name, self._scene.model.nq)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        began = time.monotonic()
        while not self._ending.wait(0.01):
            asked = self._shared.asked()
            if asked is not None:
                self._scene.arrange(list(TASKS.values())[asked[0]], asked[1])
                self._shared.answer(asked[1])
            self._shared.write(time.monotonic() - began, self._scene.data.qpos)

    def close(self):
        self._ending.set()
        self._thread.join()
        self._shared.close()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_policy_at_work_keeps_the_robot_s_limits(tmp_path):
    program = [sys.executable, str(ROOT / 'setup/side_environment.py'), 'franka-sim']
    assert subprocess.run(program).returncode == 0
    address, name = f'127.{201 + os.getpid() % 50}.7.1', f'still-{os.getpid()}'
    results = tmp_path / 'results.json'
    with ExitStack() as stack:
        robot = SecondRobot(ROOT, address, tmp_path)
        stack.callback(robot.stop)
        stack.callback(StillScene(name).close)
        with graph.RunningLaunch(
            'robot.launch.py',
            tmp_path / 'log',
            use_fake_hardware='true',
            robot_ip=address,
            scene=name,
            operator='none',
            checkpoint=POLICY / CHECKPOINT,
            tasks='pick-red-block',
            episodes=EPISODES,
            horizon=HORIZON,
            fps=10,
            results=results,
        ) as launch:
            assert launch.wait(300) == 0
    episodes = json.loads(results.read_text())
    assert [episode['steps'] for episode in episodes] == [HORIZON] * EPISODES
    assert not any(episode['aborted'] for episode in episodes)
    assert not robot.violations()
