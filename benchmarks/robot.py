# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Times of the arm and its devices: command to setpoint, jitter, cameras, SpaceMouse, circle."""

from collections.abc import Callable, Iterator
import contextlib
import json
import multiprocessing
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from typing import Any

import numpy as np
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import Image
from timing import percentiles

from irevla_control.cameras.realsense_camera import CameraFrame, RealSenseCamera
from irevla_control.cameras.settings import CameraSettings
from irevla_control.observation import BASE_FRAME
from irevla_control.ros.conversions import (
    action_to_message,
    image_to_message,
    ns_to_stamp,
    pixels_to_message,
)
from irevla_control.ros.executor import DirectExecutor
from irevla_control.ros.qos import COMMAND, OBSERVATION
from irevla_control.teleop.hid_reports import FULL, HidReports, reported_device, translation_report
from irevla_control.teleop.spacemouse_node import SpaceMouseNode
from irevla_msgs.msg import EndEffectorCommand, RobotState
from irevla_msgs.srv import GoHome
from irevla_sim.circle import circle
from irevla_sim.panda.devices.software_camera import SoftwareCamera
from irevla_sim.panda.process import PandaProcess

ROOT = Path(__file__).resolve().parents[1]
# Numbers of timed commands and pushes of the mouse, and duration of the jitter measurement [s].
COMMANDS, PUSHES, JITTER_S = 200, 100, 20.0
COMMAND_HZ, CAMERA_HZ, LOOP_S = 15.0, 30.0, 0.01
FRAMES, CAMERA_SIZE = 300, 224
# A circle [m], [s].
RADIUS, CIRCLE_S = 0.05, 5.0
STARTS_WITHIN_S = 60.0
# A forked process would share ROS's threads and locks.
CONTEXT = multiprocessing.get_context('spawn')


def timed_franka(file: str, address: str) -> None:
    """Run franka_node; record the times of its periodic ticks and of changed setpoints."""
    from irevla_control.franka import franka_arm, franka_node

    ticks: list[int] = []
    turned: list[int] = []
    target = [np.zeros(3)]

    class TimedArm(franka_arm.FrankaArm):
        def follow(self, setpoint: object) -> None:
            super().follow(setpoint)
            if not np.array_equal(setpoint.target.position, target[0]):
                target[0] = setpoint.target.position
                turned.append(time.time_ns())

    robot_state = franka_node.robot_state

    def timed_state(*state: Any) -> RobotState:
        # The loop publishes a state after each periodic tick.
        ticks.append(time.time_ns())
        return robot_state(*state)

    franka_node.robot_state = timed_state
    # `connected` looks it up there.
    franka_arm.FrankaArm = TimedArm
    sys.argv = [
        'franka_node',
        '--ros-args',
        '--params-file',
        str(ROOT / 'config/franka.yaml'),
        '-p',
        f'robot_ip:={address}',
        '-p',
        'realtime:=false',
    ]
    try:
        franka_node.main()
    finally:
        Path(file).write_text(json.dumps({'ticks': ticks, 'turned': turned}))


class Bench:
    """The arm's process, and a node of this process in a thread."""

    def __init__(self, folder: Path) -> None:
        """Start the simulated robot and the arm's node; move the arm home."""
        self.panda = PandaProcess()
        self._file = folder / 'times.json'
        code = f'import robot; robot.timed_franka({str(self._file)!r}, {self.panda.address!r})'
        self._franka = subprocess.Popen([sys.executable, '-c', code], cwd=Path(__file__).parent)
        self.node = rclpy.create_node('bench')
        self.executor = DirectExecutor()
        self.executor.add_node(self.node)
        self.states: list[tuple[int, np.ndarray]] = []
        self.mode = RobotState.MODE_UNKNOWN
        self.command = self.node.create_publisher(EndEffectorCommand, 'command', COMMAND)
        self.node.create_subscription(RobotState, 'robot_state', self._on_state, OBSERVATION)
        self._home = self.node.create_client(GoHome, 'go_home')
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        self.until(self._home.service_is_ready, "the arm's node")
        self.go_home()

    def _spin(self) -> None:
        while not self._ending.is_set():
            self.executor.spin_once(0.05)

    def _on_state(self, message: RobotState) -> None:
        self.mode, p = message.mode, message.pose.position
        self.states.append((time.time_ns(), np.array([p.x, p.y, p.z])))

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition that the other thread changes."""
        end = time.monotonic() + STARTS_WITHIN_S
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError(f'{what} did not arrive')
            time.sleep(0.02)

    def go_home(self) -> None:
        """Move the arm home, and wait until it accepts commands."""
        self.until(lambda: self.mode != RobotState.MODE_UNKNOWN, 'the first state')
        self._home.call_async(GoHome.Request(seed=GoHome.Request.SEED_NONE))
        self.until(lambda: self.mode == RobotState.MODE_RESETTING, 'the way home')
        self.until(lambda: self.mode == RobotState.MODE_READY, 'home')

    def send(self, translation: np.ndarray) -> int:
        """Publish a command; return the time [ns]."""
        now = time.time_ns()
        self.command.publish(
            action_to_message(
                np.array([*translation, 0, 0, 0, 1.0]),
                ns_to_stamp(now),
                BASE_FRAME,
                EndEffectorCommand.SOURCE_POLICY,
            )
        )
        return now

    def close(self) -> dict[str, list[int]]:
        """Stop all processes; return the arm's times [ns]."""
        self._franka.terminate()
        self._franka.wait(20)
        self._ending.set()
        self._thread.join()
        self.node.destroy_node()
        self.panda.stop()
        return json.loads(self._file.read_text())


def after(sent: list[int], turned: list[int]) -> list[float]:
    """Return the time from each command to the change of the setpoint [s].

    Raises:
        RuntimeError: more than one in a hundred commands had no change before the next command.

    """
    edges, turned = [*sent[1:], sent[-1] + 1_000_000_000], np.array(turned)
    waits = [
        (later[0] - at) * 1e-9
        for at, end in zip(sent, edges)
        if len(later := turned[(turned > at) & (turned < end)])
    ]
    if len(waits) < 0.99 * len(sent):
        raise RuntimeError(f'only {len(waits)} of {len(sent)} commands changed the setpoint')
    return waits


def commands(bench: Bench) -> list[int]:
    """Send commands back and forth at a policy's rate; return their times [ns]."""
    sent = []
    for number in range(COMMANDS):
        sent.append(bench.send(np.array([0, 0.004 if number // 10 % 2 else -0.004, 0])))
        time.sleep(1 / COMMAND_HZ)
    return sent


def tracking(bench: Bench) -> dict[str, float]:
    """Return the arm's delay on a circle of commands [s], and the remaining distance [m]."""
    bench.go_home()
    bench.states.clear()
    bench.until(lambda: bench.states, 'a state')
    path, place = [], bench.states[-1][1]
    for delta in circle(RADIUS, round(CIRCLE_S * COMMAND_HZ)):
        path.append((bench.send(delta), place))
        place = place + delta
        time.sleep(1 / COMMAND_HZ)
    time.sleep(0.5)
    told, places = np.array([at for at, _ in path]) * 1e-9, np.array([p for _, p in path])
    heard = np.array([at for at, _ in bench.states]) * 1e-9
    measured = np.array([p for _, p in bench.states])
    best = (np.inf, 0.0)
    for delay in np.arange(0, 0.6, 0.005):
        inside = (heard - delay > told[0]) & (heard - delay < told[-1])
        wanted = np.stack(
            [np.interp(heard[inside] - delay, told, places[:, axis]) for axis in range(3)], axis=1
        )
        error = float(np.median(np.linalg.norm(measured[inside] - wanted, axis=1)))
        best = min(best, (error, float(delay)))
    return {'delay_s': best[1], 'error_m': best[0]}


def learner(ready: Event) -> None:
    """Run updates until the process is killed, like a learner on the same machine."""
    import learning

    learning.update_for_ever(ready.set)


def bare_timer(ready: Event, ending: Event, times: Connection) -> None:
    """Send the times [ns] at which a loop that only sleeps woke: the jitter of the machine."""
    ticks, due = [], time.monotonic()
    ready.set()
    while not ending.is_set():
        due += LOOP_S
        time.sleep(max(0.0, due - time.monotonic()))
        ticks.append(time.time_ns())
    times.send(ticks)


@contextlib.contextmanager
def running(target: Callable[..., None], *arguments: object) -> Iterator[None]:
    """Run a function in another process during the block, which waits for its first argument."""
    ready = CONTEXT.Event()
    process = CONTEXT.Process(target=target, args=(ready, *arguments), daemon=True)
    process.start()
    try:
        ready.wait(120)
        yield
    finally:
        process.kill()


def jitter(folder: Path) -> dict[str, dict[str, float]]:
    """Return the jitter of the arm's loop and of a bare timer [ms], alone and beside a learner."""
    found = {}
    for busy in (False, True):
        bench = Bench(folder)
        ending, (ours, theirs) = CONTEXT.Event(), CONTEXT.Pipe()
        beside = running(learner) if busy else contextlib.nullcontext()
        with running(bare_timer, ending, theirs), beside:
            began = time.time_ns()
            end = time.monotonic() + JITTER_S
            while time.monotonic() < end:
                bench.send(np.array([0, 0.002 if int(time.monotonic()) % 2 else -0.002, 0]))
                time.sleep(1 / COMMAND_HZ)
            ended = time.time_ns()
            ending.set()
            measured = {'loop': bench.close()['ticks'], 'timer': ours.recv()}
        for name, times in measured.items():
            ticks = np.array([one for one in times if began < one < ended])
            key = f'{name}_jitter{"" if busy else "_alone"}_ms'
            found[key] = percentiles(np.abs(np.diff(ticks) * 1e-9 - LOOP_S))
    return found


def teleoperation(bench: Bench) -> list[int]:
    """Send reports of a SpaceMouse that answers a camera at 30 Hz; return their times [ns]."""
    reports, sent = HidReports(), []
    mouse = SpaceMouseNode(
        reported_device(reports),
        parameter_overrides=[
            rclpy.Parameter('cameras', value=['front']),
            rclpy.Parameter('max_skew_s', value=1.5 / CAMERA_HZ),
            rclpy.Parameter('step', value=0.004),
        ],
    )
    bench.executor.add_node(mouse)
    mux = subprocess.Popen([sys.executable, '-m', 'irevla_control.episodes.command_mux_node'])
    camera = bench.node.create_publisher(Image, 'camera/front/image_raw', OBSERVATION)
    picture = np.zeros((8, 8, 3), np.uint8)
    bench.until(
        lambda: (
            mouse.count_subscribers('teleop_command')
            and bench.node.count_publishers('command') > 1
        ),
        'the mux',
    )
    bench.go_home()
    random = np.random.default_rng(0)
    push_at, release_at, way = time.monotonic() + 1.0, np.inf, FULL
    next_image = time.monotonic()
    while len(sent) < PUSHES:
        now = time.monotonic()
        if now >= next_image:
            next_image += 1 / CAMERA_HZ
            camera.publish(image_to_message(picture, ns_to_stamp(time.time_ns()), 'front'))
        if now >= push_at:
            reports.waiting.append(translation_report(right=way))
            sent.append(time.time_ns())
            push_at, release_at, way = np.inf, now + 0.1, -way
        if now >= release_at:
            reports.waiting.append(translation_report())
            # Longer than `hold_after_s`, after which the arm holds.
            release_at, push_at = np.inf, now + 0.6 + float(random.uniform(0, 1 / CAMERA_HZ))
        time.sleep(0.001)
    mux.terminate()
    mux.wait(10)
    return sent


def cameras() -> dict[str, float]:
    """Return the largest frames/s of the pipeline, and the number of copies of an image in it.

    The number is the memory allocated for a frame, in sizes of the image; the message's own memory
    does not count.
    """
    width, height = 640, 480
    device = SoftwareCamera('a', [(width, height, 30)], 1.0)
    frames: list[CameraFrame] = []
    heard = threading.Event()
    node = Node('camera_bench')
    publisher = node.create_publisher(Image, 'camera/a/image_raw', OBSERVATION)
    sizes: list[int] = []

    def on_frame(frame: CameraFrame) -> None:
        image = pixels_to_message(
            frame.data, CAMERA_SIZE, CAMERA_SIZE, ns_to_stamp(frame.stamp), 'a'
        )
        if tracemalloc.is_tracing():
            sizes.append(tracemalloc.get_traced_memory()[1])
        publisher.publish(image)
        frames.append(frame)
        heard.set()

    camera = RealSenseCamera(device.device, CameraSettings('a', image_size=CAMERA_SIZE), on_frame)
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)

    def show() -> None:
        heard.clear()
        device.show(picture)
        heard.wait(1.0)

    for _ in range(20):
        show()
    began = time.perf_counter()
    for _ in range(FRAMES):
        show()
    rate = FRAMES / (time.perf_counter() - began)
    tracemalloc.start()
    for _ in range(10):
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        frames.clear()
        show()
        sizes[-1] -= before
    tracemalloc.stop()
    camera.close()
    node.destroy_node()
    return {'fps': rate, 'copies': round(float(np.median(sizes)) / (3 * CAMERA_SIZE**2)) - 1}


def measure() -> dict:
    """Return all figures of the arm and its devices."""
    rclpy.init()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = Bench(folder)
        sent = commands(bench)
        pushes = teleoperation(bench)
        tracked = tracking(bench)
        turned = bench.close()['turned']
        jitters = jitter(folder)
        seen = cameras()
    rclpy.try_shutdown()
    return {
        'setpoint_latency_ms': percentiles(after(sent, turned)),
        'teleop_latency_ms': percentiles(after(pushes, turned)),
        **jitters,
        'camera': seen,
        'circle': tracked,
    }


if __name__ == '__main__':
    print(json.dumps(measure(), indent=2))
