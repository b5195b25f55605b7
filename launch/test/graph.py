# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Shared by the launch tests: a graph in its own ROS domain, and an untrained policy."""

from dataclasses import replace
import json
from pathlib import Path
import subprocess
import time

from ament_index_python.packages import get_package_share_directory
import numpy as np
import psutil

from irevla_policy.checkpoints.checkpoint import save_checkpoint
from irevla_policy.model.config import load_preset
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.vla import VLA

CONFIG = Path(get_package_share_directory('irevla_bringup')) / 'config'
# Characters printed from the end of a launch's log: enough for a trace of each node.
LOG_CHARACTERS = 20_000


def untrained_checkpoint(folder: Path, **changes: object) -> Path:
    """Save the tiny preset with these changes and random weights."""
    random = np.random.default_rng(0)
    actions = random.uniform(-0.04, 0.04, (50, 7))
    actions[:, 6] = random.uniform(0, 1, 50)
    vla = VLA(
        replace(load_preset(CONFIG / 'presets/tiny.yaml'), **changes),
        Statistics.from_data(random.normal(size=(50, 10)), actions),
        instructions=['close the drawer'],
    )
    save_checkpoint(folder, vla, {})
    return folder


def results(file: Path) -> list[dict]:
    """Return the episode runner's results so far."""
    return json.loads(file.read_text()) if file.exists() else []


def wait_for(condition, timeout_s: float, what: str) -> None:
    """Wait until ``condition()`` is true; fail with its name ``what`` after ``timeout_s``."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f'{what} did not happen within {timeout_s} s'
        time.sleep(0.1)


class RunningLaunch:
    """`ros2 launch irevla_bringup ...` in its own process, with all its descendants."""

    def __init__(self, launch_file: str, log: Path, **arguments: object) -> None:
        self._log = log
        command = [
            'ros2',
            'launch',
            'irevla_bringup',
            launch_file,
            *(f'{name}:={value}' for name, value in arguments.items()),
        ]
        self.process = subprocess.Popen(
            command,
            stdout=log.open('w'),
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._seen: dict[int, psutil.Process] = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.nodes()
        if self.process.poll() is None:
            self.process.kill()
        for process in self._seen.values():
            if process.is_running():
                process.kill()
        self.process.wait(10)
        # pytest shows the output of a test that fails.
        print(self.output()[-LOG_CHARACTERS:])

    def nodes(self) -> dict[str, psutil.Process]:
        """Return the node processes seen so far, by node name."""
        if self.process.poll() is None:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                self._seen[child.pid] = child
        found = {}
        for process in self._seen.values():
            try:
                words = process.cmdline()
            except psutil.Error:
                continue
            found |= {
                word.removeprefix('__node:='): process
                for word in words
                if word.startswith('__node:=')
            }
        return found

    def alive(self) -> list[str]:
        """Return the names of nodes that still run."""
        return [
            name
            for name, process in self.nodes().items()
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        ]

    def wait(self, timeout_s: float) -> int:
        """Wait for the launch to end by itself; return its exit status."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f'the launch still runs after {timeout_s} s') from None

    def output(self) -> str:
        """Return everything printed so far."""
        return self._log.read_text(errors='replace')
