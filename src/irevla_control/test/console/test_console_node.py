# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The real console node over DDS, looked at by a real Chromium."""

from contextlib import ExitStack, suppress
import threading
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from browser import browser
import cv2
import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from running_node import running
from sensor_msgs.msg import Image
from std_msgs.msg import String
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from irevla_control.console.live_view import LiveView, encode
from irevla_control.console.ports import PORTS, bind
from irevla_control.errors import ConfigError
from irevla_control.ros.conversions import image_to_message, ns_to_stamp
from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION
from irevla_msgs.msg import EndEffectorCommand, EpisodeState

pytestmark = pytest.mark.usefixtures('ros')

COLOURS = {'front': (200, 40, 40), 'wrist': (40, 40, 200)}
PICTURES = (
    '[...document.querySelectorAll("img")].filter(e => e.naturalWidth && e.offsetWidth)'
    '.map(e => e.alt + e.naturalWidth).join(" ")'
)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """Reach this machine also where the environment names a proxy."""
    monkeypatch.setenv('no_proxy', '127.0.0.1')


class Environment:
    """A node that publishes images, commands and episodes, in a thread."""

    def __init__(self):
        self.node = rclpy.create_node('environment')
        self._images = {
            name: self.node.create_publisher(Image, f'camera/{name}/image_raw', OBSERVATION)
            for name in COLOURS
        }
        self._commands = self.node.create_publisher(EndEffectorCommand, 'command', COMMAND)
        self._episodes = self.node.create_publisher(EpisodeState, 'episode', EVENT)
        self.chosen = []
        self.node.create_subscription(
            String, 'next_task', lambda message: self.chosen.append(message.data), EVENT
        )
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()
        self._executor.shutdown()
        self.node.destroy_node()

    def _run(self):
        while not self._ended.is_set():
            stamp = time.time_ns()
            for name, publisher in self._images.items():
                picture = np.full((60, 84, 3), COLOURS[name], np.uint8)
                publisher.publish(image_to_message(picture, ns_to_stamp(stamp), name))
            command = EndEffectorCommand()
            # The command answers an observation of 40 ms before.
            command.header.stamp = ns_to_stamp(stamp - 40_000_000)
            self._commands.publish(command)
            self._executor.spin_once(timeout_sec=0.02)

    def play(self, number, task, success, aborted=False):
        """Publish the start and the end of an episode."""
        for phase in (EpisodeState.PHASE_RUNNING, EpisodeState.PHASE_ENDED):
            self._episodes.publish(
                EpisodeState(
                    episode_id=str(number),
                    task=task,
                    instruction='open the <b>drawer</b>',
                    phase=phase,
                    success=success and phase == EpisodeState.PHASE_ENDED,
                    aborted=aborted,
                    step=12,
                )
            )

    def viewers(self):
        return self._images['front'].get_subscription_count()


def console(port):
    return running(
        'console.console_node',
        'cameras:=[front,wrist]',
        'tasks:=[door-open,drawer-open]',
        f'port:={port}',
    )


def address_of(process):
    for line in process.stderr:
        if 'page: ' in line:
            return line.rpartition('page: ')[2].strip()
    raise AssertionError('the node ended before its page started')


def wait_until(condition, timeout_s=20.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def free_ports():
    """Return the first port of a row whose second one is free too; the first is taken."""
    for port in range(20_000, 60_000, PORTS):
        try:
            taken, second = bind(port), bind(port + 1)
        except ConfigError:
            continue
        ports = taken.getsockname()[1], second.getsockname()[1]
        second.close()
        if ports == (port, port + 1):
            return port, taken
        taken.close()
    raise AssertionError


def test_a_browser_sees_the_graph_and_chooses_a_task_and_a_camera():
    port, taken = free_ports()
    with taken, Environment() as environment, console(port) as process:
        address = address_of(process)
        assert address == f'http://127.0.0.1:{port + 1}/'
        wait_until(lambda: environment.node.count_subscribers('episode'))
        # Without a viewer the node reads neither images nor commands.
        assert environment.viewers() == 0
        for number, (success, aborted) in enumerate(
            [(True, False), (False, False), (False, True), (True, False)]
        ):
            environment.play(number, 'drawer-open', success, aborted)
        with browser() as tab:
            tab.open(address)
            tab.wait_for(f'{PICTURES} == "front84 wrist84"')
            tab.wait_for('document.body.innerText.includes("2 of 3")')
            # An instruction is text, also if it looks like HTML.
            assert 'open the <b>drawer</b>' in tab.text()
            tab.wait_for('/[0-9]+ ms/.test(document.body.innerText)')
            shown_ms = int(tab.value('/([0-9]+) ms/.exec(document.body.innerText)[1]'))
            assert 40 <= shown_ms < 200
            assert environment.viewers() == 1

            tab.click('document.querySelector("#task")')
            tab.wait_for('document.querySelectorAll(".q-menu .q-item").length == 2')
            # Not by the mouse: the menu still moves.
            tab.value('document.querySelectorAll(".q-menu .q-item")[0].click()')
            wait_until(lambda: environment.chosen == ['door-open'])

            tab.wait_for('!document.querySelector(".q-menu")')
            tab.click('document.querySelector("#camera")')
            tab.wait_for('document.querySelectorAll(".q-menu .q-item").length == 3')
            tab.value('document.querySelectorAll(".q-menu .q-item")[2].click()')
            tab.wait_for(f'{PICTURES} == "wrist84"')
            wait_until(lambda: environment.viewers() == 0)
            assert not tab.errors
            # Nothing is loaded from elsewhere.
            hosts = {url.split('/')[2] for url in tab.requested if '://' in url}
            assert hosts == {f'127.0.0.1:{port + 1}'}
        wait_until(lambda: not environment.node.count_subscribers('camera/wrist/image_raw'))
        # The node also ends while somebody reads images.
        reading = urlopen(f'{address}camera/front')
        wait_until(environment.viewers)
        # A page of elsewhere whose name resolves to this machine reads nothing.
        with pytest.raises(HTTPError, match='400'):
            urlopen(Request(address, headers={'Host': 'elsewhere.example'}))
        # Nor does one that asks in the user's browser: no image, no frame, no WebSocket.
        for part, headers in (
            ('', {'Origin': 'http://elsewhere.example'}),
            ('', {'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Dest': 'iframe'}),
            ('camera/front', {'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Dest': 'image'}),
        ):
            with pytest.raises(HTTPError, match='403'):
                urlopen(Request(f'{address}{part}', headers=headers))
        link = {'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Dest': 'document'}
        assert urlopen(Request(address, headers=link)).status == 200
        events = f'ws{address[4:]}_nicegui_ws/socket.io/?EIO=4&transport=websocket'
        with (
            pytest.raises(InvalidStatus, match='403'),
            connect(events, origin='http://elsewhere.example'),
        ):
            pass
        with connect(events, origin=address.rstrip('/')):
            pass
        with pytest.raises(HTTPError, match='404'):
            urlopen(f'{address}camera/none')
    assert process.returncode == 0
    reading.close()
    assert 'Traceback' not in process.stderr.read()


def test_ports_in_use_are_one_clear_line():
    port, taken = free_ports()
    with ExitStack() as sockets:
        sockets.enter_context(taken)
        with suppress(ConfigError):
            while True:
                sockets.enter_context(bind(port))
        with pytest.raises(
            ConfigError,
            match=f'parameter port: {port} to {port + PORTS - 1} are in use at 127.0.0.1; end '
            'the programs that use them, or give another port',
        ):
            bind(port)


def test_only_a_task_of_the_list_can_be_chosen():
    view = LiveView(['front'], ['door-open'])
    for name in ('door-open', 'elsewhere', None):
        view.choose(name)
    assert view.chosen.get() == 'door-open' and view.chosen.empty()


def test_wide_images_are_reduced_and_keep_their_colours():
    image = np.zeros((60, 100, 3), np.uint8)
    image[..., 0] = 200
    shown = cv2.imdecode(np.frombuffer(encode(image, 50, 90), np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == (30, 50, 3)
    assert np.allclose(shown[15, 25], (0, 0, 200), atol=8)
