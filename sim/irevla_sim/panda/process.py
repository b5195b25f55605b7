# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A simulated Panda in its own process, and the true motion of its joints."""

import itertools
import json
import os
import socket
import subprocess
import sys
import time
from typing import IO, Any

import numpy as np

from irevla_control.processes import end_process, end_with_parent
from irevla_sim.panda.shared_scene import SharedScene

# Time without a command that ends a motion [ms]; a real robot allows 20, but on two busy cores the
# commands of the simulated one arrive later.
LOST_PACKETS = 200
ARM_JOINTS = slice(0, 7)
# Joint speed below which the arm is still [rad/s].
STILL = 0.01
STARTS_WITHIN_S = 20
ENDS_WITHIN_S = 10
# Port for requests of tests.
REQUEST_PORT = 1339
# Largest size of a UDP packet [bytes].
LONGEST_ANSWER = 65_507
numbers = itertools.count(1)


class PandaProcess:
    """`python -m irevla_sim.panda.physics` at its own address."""

    def __init__(self) -> None:
        """Start the process."""
        number = next(numbers)
        self.address = f'127.{1 + os.getpid() % 200}.{os.getpid() // 200 % 250}.{number}'
        self.name = f'panda-{os.getpid()}-{number}'
        self.start()

    def start(self) -> None:
        """Start the process, or start it again."""
        self.process = subprocess.Popen(
            [
                sys.executable,
                '-m',
                'irevla_sim.panda.physics',
                '--address',
                self.address,
                '--name',
                self.name,
                '--lost-packets',
                str(LOST_PACKETS),
            ],
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=end_with_parent,
        )
        line = self._output.readline()
        if self.address not in line:
            raise RuntimeError(f'the simulated Panda did not start: {line!r}')
        self.scene = SharedScene(self.name)

    def stop(self) -> None:
        """End the process, if it still runs."""
        end_process(self.process, ENDS_WITHIN_S)
        self._output.close()

    def kill(self) -> None:
        """Kill the process; to its client this is like a cut cable."""
        self.process.kill()
        self.process.wait()
        self._output.close()

    @property
    def _output(self) -> IO[str]:
        # A pipe.
        assert self.process.stdout is not None
        return self.process.stdout

    def cut_gripper(self) -> None:
        """Cut the hand's connection."""
        self.ask(cut_hand=True)

    def ask(self, **requests: Any) -> dict[str, Any]:
        """Send requests, see `physics.Requests`; return the commands that the robot received.

        Raises:
            TimeoutError: the simulated robot does not answer.

        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(STARTS_WITHIN_S)
            client.sendto(json.dumps(requests).encode(), (self.address, REQUEST_PORT))
            return json.loads(client.recv(LONGEST_ANSWER))

    def joints(self) -> np.ndarray:
        """Return the joint positions (7,) [rad]."""
        return self.scene.read()[1][ARM_JOINTS]

    def speed(self, over_s: float = 0.05) -> float:
        """Return the largest joint speed [rad/s] over some simulated time.

        Raises:
            TimeoutError: the simulated time does not advance.

        """
        first_s, first = self.scene.read()
        end = time.monotonic() + STARTS_WITHIN_S
        while True:
            now_s, now = self.scene.read()
            if now_s - first_s >= over_s:
                return np.abs(now - first)[ARM_JOINTS].max() / (now_s - first_s)
            if time.monotonic() > end:
                raise TimeoutError('the simulated time does not advance')
            time.sleep(0.002)

    def rests_within(self, seconds: float) -> float:
        """Return the time until all joints are still [s].

        Raises:
            TimeoutError: a joint still moves after ``seconds``.

        """
        began = time.monotonic()
        while self.speed() > STILL:
            if time.monotonic() - began > seconds:
                raise TimeoutError(f'the arm still moves after {seconds} s')
        return time.monotonic() - began
