# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A second, independent simulator of the robot, franka-sim, with its motion limits enforced.

It checks what the suite's own simulated Panda does not: limits of joint torque, velocity and
acceleration, and lost packets. It has no objects and no cameras.
"""

from importlib.util import find_spec
import os
from pathlib import Path
import re
import subprocess
import time

from irevla_control.errors import ConfigError
from irevla_control.processes import end_process, end_with_parent

STARTS_WITHIN_S, ENDS_WITHIN_S = 60.0, 20.0
READY = 'Server ready for new client connection'
# Its own program listens at all addresses of the machine.
CODE = """
import logging, sys
logging.basicConfig(level=logging.INFO, format='%(levelname)s %(name)s: %(message)s')
from franka_sim import FrankaSimServer
FrankaSimServer(host=sys.argv[1], physics='mujoco', enforce_motion_limits=True,
                enforce_comm_constraints=sys.argv[2] == 'true').start()
"""


class SecondRobot:
    """franka-sim in its own process, at an address of this machine."""

    def __init__(self, root: Path, address: str, folder: Path, lost_packets: bool = False) -> None:
        """Start it.

        Args:
            root: folder of the suite with the environment `.franka-sim`.
            address: such as 127.0.5.1; no other robot may have it.
            folder: for its model and its log.
            lost_packets: whether 20 lost packets in a row end a motion, as on a real robot.

        Raises:
            ConfigError: it is not installed, or does not start.

        """
        python = root / '.franka-sim/bin/python'
        if not python.exists():
            raise ConfigError(
                f'{python} does not exist; run python setup/side_environment.py franka-sim'
            )
        self.address, self._log = address, folder / 'franka_sim.log'
        model = folder / 'fr3.xml'
        model.write_text(_model())
        # Its packages conflict with the suite's, which are on these paths.
        hidden = ('PYTHONPATH', 'LD_LIBRARY_PATH', 'VIRTUAL_ENV')
        env = {name: value for name, value in os.environ.items() if name not in hidden}
        with self._log.open('w') as log:
            self._process = subprocess.Popen(
                [str(python), '-c', CODE, address, str(lost_packets).lower()],
                env={**env, 'FR3_MJCF': str(model)},
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent,
            )
        end = time.monotonic() + STARTS_WITHIN_S
        while READY not in self.log():
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise ConfigError(f'franka-sim did not start: {self.log()[-2000:]}')
            time.sleep(0.1)

    def log(self) -> str:
        """Return what it has logged."""
        return self._log.read_text()

    def violations(self) -> list[str]:
        """Return its log lines about exceeded limits."""
        return [line for line in self.log().splitlines() if re.search('violation|discontin', line)]

    def stop(self) -> None:
        """End it."""
        end_process(self._process, ENDS_WITHIN_S)


def _model() -> str:
    """Return franky-sim's model of the arm with the folder of its meshes."""
    spec = find_spec('franky_sim')
    # Installed with the suite.
    assert spec is not None and spec.origin is not None
    assets = Path(spec.origin).parent / 'assets'
    model = (assets / 'fr3.xml').read_text()
    return re.sub(r'meshdir="[^"]*"', f'meshdir="{assets / "meshes"}"', model, count=1)
