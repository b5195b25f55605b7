# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium for tests, by the DevTools protocol."""

import base64
from contextlib import contextmanager
import itertools
import json
import os
from pathlib import Path
import shutil
import signal
import subprocess
import tempfile
import time
from urllib.request import urlopen

import pytest
from websockets.sync.client import ClientConnection, connect

NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')
# Nothing but the page is loaded, also where a browser would ask for updates.
FLAGS = (
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    # In a container it is often too small.
    '--disable-dev-shm-usage',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--window-size=1000,720',
    '--remote-debugging-port=0',
)
STARTS_WITHIN_S = 30.0


class Browser:
    """A tab of a browser."""

    def __init__(self, connection: ClientConnection) -> None:
        self._socket = connection
        self._numbers = itertools.count()
        # Addresses that the page asked for, and its errors.
        self.requested: list[str] = []
        self.errors: list[str] = []
        for domain in ('Network', 'Page', 'Runtime'):
            self.call(f'{domain}.enable')

    def call(self, method: str, **parameters: object) -> dict:
        """Call a method of the protocol."""
        number = next(self._numbers)
        self._socket.send(json.dumps({'id': number, 'method': method, 'params': parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=STARTS_WITHIN_S))
            if message.get('id') == number:
                assert 'error' not in message, message
                return message['result']
            self._take(message)

    def open(self, address: str) -> None:
        self.call('Page.navigate', url=address)

    def value(self, script: str) -> object:
        """Return the value of an expression of JavaScript."""
        found = self.call('Runtime.evaluate', expression=script, returnByValue=True)
        assert 'exceptionDetails' not in found, found
        return found['result'].get('value')

    def wait_for(self, script: str, timeout_s: float = 20.0) -> None:
        """Wait until an expression of JavaScript is true."""
        end = time.monotonic() + timeout_s
        while not self.value(script):
            assert time.monotonic() < end, f'{script} stays false; {self.text()!r} {self.errors}'
            time.sleep(0.05)

    def text(self) -> str:
        """Return the visible text of the page."""
        return str(self.value('document.body ? document.body.innerText : ""'))

    def click(self, selector: str) -> None:
        """Click into the middle of an element."""
        box = self.value(
            f'(e => {{ let r = e.getBoundingClientRect();'
            f' return [r.x + r.width / 2, r.y + r.height / 2]; }})({selector})'
        )
        for kind in ('mousePressed', 'mouseReleased'):
            self.call(
                'Input.dispatchMouseEvent',
                type=kind,
                x=box[0],
                y=box[1],
                button='left',
                clickCount=1,
            )

    def screenshot(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self.call('Page.captureScreenshot')['data']))

    def _take(self, message: dict) -> None:
        if message.get('method') == 'Network.requestWillBeSent':
            self.requested.append(message['params']['request']['url'])
        if message.get('method') == 'Network.webSocketCreated':
            self.requested.append(message['params']['url'])
        if message.get('method') == 'Runtime.exceptionThrown':
            self.errors.append(str(message['params']))


@contextmanager
def browser():
    """Run a browser with an empty profile; skip the test where there is none, except in CI."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        assert not os.environ.get('CI'), f'none of {", ".join(NAMES)} is installed'
        pytest.skip('needs Chromium: apt-get install chromium')
    profile = tempfile.mkdtemp()
    process = subprocess.Popen(
        [program, *FLAGS, f'--user-data-dir={profile}', 'about:blank'],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        ports = Path(profile) / 'DevToolsActivePort'
        end = time.monotonic() + STARTS_WITHIN_S
        while not (ports.exists() and ports.read_text().strip()):
            assert process.poll() is None and time.monotonic() < end, 'the browser did not start'
            time.sleep(0.05)
        with urlopen(f'http://127.0.0.1:{ports.read_text().split()[0]}/json/list') as answer:
            tab = next(each for each in json.load(answer) if each['type'] == 'page')
        with connect(tab['webSocketDebuggerUrl'], max_size=None) as connection:
            yield Browser(connection)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(profile, ignore_errors=True)
