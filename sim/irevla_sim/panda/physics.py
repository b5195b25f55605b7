# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A simulated Panda on the network: ``python -m irevla_sim.panda.physics --help``.

It serves the Franka Control Interface at 1 kHz in real time; franky and libfranka connect to it as
to a real robot. Tests request faults at UDP port 1339, see `Requests`.
"""

import argparse
import gc
import json
import signal
import socket
import sys
import time
from typing import Any

from irevla_sim.panda.hand import Answer
from irevla_sim.panda.process import REQUEST_PORT
from irevla_sim.panda.scene import PandaScene
from irevla_sim.panda.server import REFLEXES, PandaServer
from irevla_sim.panda.shared_scene import SCENE, SharedScene
from irevla_sim.panda.table.tasks import TASKS

TICK_S = 0.001
# Longest wait for the answer to a state [s]; a frozen client causes it for each lost packet.
MOST_WAIT_S = 0.005
# Largest delay behind real time [s]; above it the scene's time slows down.
MOST_BEHIND_S = 0.05
# Number of ticks between writes of the shared state, which the cameras read.
SHARED_EVERY = 5
LONGEST_REQUEST = 4096
# Number of newest received orders and collision behaviours that fit into one answer.
NEWEST_ORDERS, NEWEST_BEHAVIORS = 1000, 20


class Requests:
    """Requests of tests to the simulated robot as JSON; the answer has the received commands.

    Keys, each optional: `answers` (an `Answer` of the hand to each of `move`, `grasp`, `stop`),
    `cut_hand` (true: disconnect its client), `reflex` (a name of `REFLEXES`), `put` (an object and
    its position [m]), `fasten` (an object and whether it is fixed in place).
    """

    def __init__(self, address: str, server: PandaServer, scene: PandaScene) -> None:
        """Listen at an address."""
        self._server, self._scene = server, scene
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((address, REQUEST_PORT))

    def serve(self) -> None:
        """Execute and answer a pending request, if there is one."""
        try:
            data, client = self._socket.recvfrom(LONGEST_REQUEST)
        except BlockingIOError:
            return
        self._do(**json.loads(data))
        received = {
            'orders': self._server.gripper_server.orders[-NEWEST_ORDERS:],
            'collision_behaviors': self._server.collision_behaviors[-NEWEST_BEHAVIORS:],
        }
        self._socket.sendto(json.dumps(received).encode(), client)

    def _do(
        self,
        answers: dict[str, str] | None = None,
        cut_hand: bool = False,
        reflex: str = '',
        put: tuple[str, Any] | None = None,
        fasten: tuple[str, bool] | None = None,
    ) -> None:
        if answers is not None:
            self._server.gripper_server.answers = {
                order: Answer(answer) for order, answer in answers.items()
            }
        if cut_hand:
            # The client may connect again, as after a loose plug.
            self._server.gripper_server.reset_state()
        if reflex:
            self._server.reflex(REFLEXES[reflex])
        if put:
            self._scene.put(*put)
        if fasten:
            self._scene.fasten(*fasten)

    def close(self) -> None:
        """Close the port."""
        self._socket.close()


def run(address: str, name: str, lost_packets: int, seed: int) -> None:
    """Serve until a signal.

    Args:
        address: local IP at which the robot answers.
        name: name of the shared memory with the scene's state.
        lost_packets: time without a command that ends a motion [ms].
        seed: seed of the first arrangement of objects.

    """
    ended = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.append(True))
    scene = PandaScene()
    scene.init()
    server = PandaServer(scene.robot, [address], lost_packets)
    server.init()
    scene.start()
    tasks = list(TASKS.values())
    scene.arrange(tasks[0], seed)
    requests = Requests(address, server, scene)
    shared = SharedScene(name, scene.model.nq)
    shared.write(0.0, scene.data.qpos)
    gc.collect()
    gc.freeze()
    print(f'a Panda answers at {address}', flush=True)
    due, ticks = time.monotonic(), 0
    try:
        while not ended:
            server.wait_for_command(MOST_WAIT_S)
            server.process_commands()
            asked = shared.asked() if ticks % SHARED_EVERY == 0 else None
            if asked is not None:
                scene.arrange(tasks[asked[0]], asked[1])
                shared.answer(asked[1])
            scene.step()
            server.send_state()
            ticks += 1
            if ticks % SHARED_EVERY == 0:
                shared.write(ticks * TICK_S, scene.data.qpos)
                requests.serve()
            due += TICK_S
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            elif wait < -MOST_BEHIND_S:
                due = time.monotonic()
    finally:
        server.cleanup()
        requests.close()
        shared.close()


def main(arguments: list[str] | None = None) -> None:
    """Serve with the arguments of the command line."""
    parser = argparse.ArgumentParser('python -m irevla_sim.panda.physics', description=__doc__)
    parser.add_argument('--address', default='127.0.0.1', help='local IP of the robot')
    parser.add_argument('--name', default=SCENE, help='of the shared memory of the scene')
    parser.add_argument(
        '--lost-packets',
        type=int,
        default=20,
        metavar='MS',
        help='silence that ends a motion, as on a real robot',
    )
    parser.add_argument('--seed', type=int, default=0, help='of the things on the table')
    options = parser.parse_args(arguments)
    try:
        run(options.address, options.name, options.lost_packets, options.seed)
    except OSError as error:
        sys.exit(f'panda_physics: {options.address}: {error}')


if __name__ == '__main__':
    main()
