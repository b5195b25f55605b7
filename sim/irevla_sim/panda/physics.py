# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A Panda on the network that is none: ``python -m irevla_sim.panda.physics --help``.

Speaks the Franka Control Interface at 1 kHz of real time; franky and libfranka cannot tell.
For tests of faults, the signal SIGUSR1 cuts the hand's connection.
"""

import argparse
import gc
import signal
import sys
import time

from irevla_sim.panda.scene import PandaScene
from irevla_sim.panda.server import PandaServer
from irevla_sim.panda.shared_scene import SharedScene

TICK_S = 0.001
# For the answer to a state; a client that is gone or frozen costs this for each lost packet.
MOST_WAIT_S = 0.005
# What a busy machine may fall behind before the scene's time is let go.
MOST_BEHIND_S = 0.05
# The cameras see every so many ticks.
SHARED_EVERY = 5


def run(address: str, name: str, lost_packets: int, seed: int) -> None:
    """Serve until a signal.

    Args:
        address: local IP at which the robot answers.
        name: of the shared memory that tells the scene's state.
        lost_packets: milliseconds of silence that end a motion.
        seed: of the first arrangement of things.

    """
    ended, cuts = [], []
    signal.signal(signal.SIGUSR1, lambda *_: cuts.append(True))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.append(True))
    scene = PandaScene()
    scene.init()
    server = PandaServer(scene.robot, [address], lost_packets)
    server.init()
    scene.start()
    scene.arrange(seed)
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
            if cuts:
                cuts.clear()
                server.cut_gripper()
            seed_wanted = shared.asked() if ticks % SHARED_EVERY == 0 else None
            if seed_wanted is not None:
                scene.arrange(seed_wanted)
                shared.answer(seed_wanted)
            scene.step()
            server.send_state()
            ticks += 1
            if ticks % SHARED_EVERY == 0:
                shared.write(ticks * TICK_S, scene.data.qpos)
            due += TICK_S
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            elif wait < -MOST_BEHIND_S:
                due = time.monotonic()
    finally:
        server.cleanup()
        shared.close()


def main(arguments: list[str] | None = None) -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser('python -m irevla_sim.panda.physics', description=__doc__)
    parser.add_argument('--address', default='127.0.0.1', help='local IP of the robot')
    parser.add_argument('--name', default='panda', help='of the shared memory of the scene')
    parser.add_argument('--lost-packets', type=int, default=20, metavar='MS',
                        help='silence that ends a motion, as on a real robot')
    parser.add_argument('--seed', type=int, default=0, help='of the things on the table')
    options = parser.parse_args(arguments)
    try:
        run(options.address, options.name, options.lost_packets, options.seed)
    except OSError as error:
        sys.exit(f'panda_physics: {options.address}: {error}')


if __name__ == '__main__':
    main()
