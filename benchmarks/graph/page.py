# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What the page of a graph costs: its share of a core, and the latency of commands beside it."""

import argparse
from collections.abc import Iterator
import contextlib
import json
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
import time

from graph.latency import IMAGE_SIZE, WARM_UP, Client, running_nodes, untrained_checkpoint
import numpy as np
import psutil
import rclpy
from recording import CAMERAS, Robot
from timing import percentiles

from irevla_control.checks.own_domain import use_own_domain
from irevla_control.console.ports import bind

# Time that the page is measured for, with and without a viewer [s].
SECONDS = 10.0
# Observations in a row with, then without a viewer.
BLOCK = 50
VIEWER = """
import sys
from urllib.request import urlopen
with urlopen(sys.argv[1]) as response:
    while response.read(1 << 16):
        pass
"""


@contextlib.contextmanager
def console(cameras: tuple[str, ...]) -> Iterator[tuple[psutil.Process, str]]:
    """Run the node of the page; yield its process and the address of the page."""
    with bind(8300) as listener:
        port = listener.getsockname()[1]
    parameters = [f'cameras:=[{",".join(cameras)}]', f'port:={port}']
    process = subprocess.Popen(
        [
            *(sys.executable, '-m', 'irevla_control.console.console_node', '--ros-args'),
            *(word for parameter in parameters for word in ('-p', parameter)),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while 'page: ' not in process.stderr.readline():
            if process.poll() is not None:
                raise RuntimeError('the node of the page has ended')
        yield psutil.Process(process.pid), f'http://127.0.0.1:{port}/'
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)


@contextlib.contextmanager
def viewer(page: str, cameras: tuple[str, ...]) -> Iterator[None]:
    """Read the images of all cameras, as a browser does, in processes of their own."""
    processes = [
        subprocess.Popen([sys.executable, '-c', VIEWER, f'{page}camera/{name}'])
        for name in cameras
    ]
    try:
        # The page subscribes to the images, and the nodes discover this.
        time.sleep(1.5)
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
        time.sleep(0.5)


def share_of_a_core(process: psutil.Process, robot: Robot, seconds: float) -> float:
    """Return the processor time of a process while a robot publishes, per second."""
    before = process.cpu_times()
    began = time.perf_counter()
    robot.run(seconds)
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return used / (time.perf_counter() - began)


def measure_share(seconds: float) -> dict:
    """Return the share of a core with two cameras of 640x480 at 30 Hz."""
    rclpy.init()
    robot = Robot(rclpy.create_node('robot'))
    with console(CAMERAS) as (process, page):
        time.sleep(1.0)
        alone = share_of_a_core(process, robot, seconds)
        with viewer(page, CAMERAS):
            viewed = share_of_a_core(process, robot, seconds)
    rclpy.shutdown()
    return {'page_cpu_share': viewed, 'page_cpu_share_without_viewer': alone}


def measure_latency(samples: int) -> dict:
    """Return the latency of `latency.py` in blocks with and without a viewer of the page."""
    images = np.random.default_rng(0).integers(
        0, 256, (16, IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8
    )
    added_s: dict[str, list[float]] = {'with': [], 'without': []}
    with tempfile.TemporaryDirectory() as folder:
        with running_nodes(untrained_checkpoint(Path(folder) / 'checkpoint')):
            with console(('front',)) as (_, page):
                rclpy.init()
                client = Client()
                client.wait_for_graph()
                for _ in range(WARM_UP):
                    client.ask(images[0])
                while len(added_s['without']) < samples:
                    for name, looks in (
                        ('with', viewer(page, ('front',))),
                        ('without', contextlib.nullcontext()),
                    ):
                        with looks:
                            for sample in range(BLOCK):
                                way_s, pass_s = client.ask(images[sample % len(images)])
                                added_s[name].append(way_s - pass_s)
                rclpy.shutdown()
    return {
        'graph_latency_with_page_ms': percentiles(added_s['with']),
        'graph_latency_without_viewer_ms': percentiles(added_s['without']),
    }


def measure(seconds: float = SECONDS, samples: int = 300) -> dict:
    """Return the figures of the page."""
    # A separate domain, in case other graphs run on this machine.
    use_own_domain()
    return measure_share(seconds) | measure_latency(samples)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seconds', type=float, default=SECONDS)
    parser.add_argument('--samples', type=int, default=300)
    parser.add_argument(
        '--view', nargs='+', help='addresses of images to read, until it is killed'
    )
    options = parser.parse_args()
    print(json.dumps(measure(options.seconds, options.samples), indent=2))
