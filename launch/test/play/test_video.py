# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Reading the images of a page that stands still, breaks off, or is beside a proxy."""

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
import threading
import time

import cv2
import numpy as np
import pytest

from irevla_bringup.play.video import PageError, record, wait_for_picture

BLACK, WHITE = (
    cv2.imencode('.png', np.full((20, 30, 3), value, np.uint8))[1].tobytes() for value in (0, 255)
)


def part(image):
    header = b'Content-Type: image/png\r\nContent-Length: %d\r\n\r\n' % len(image)
    return header + image + b'\r\n--frame\r\n'


@contextmanager
def page(chunks, ended=True):
    """Serve chunks of bytes as a page's images; then end the answer, or break it off."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def do_GET(self):
            self.send_response(200)
            self.send_header('Transfer-Encoding', 'chunked')
            self.end_headers()
            self.close_connection = True
            try:
                for chunk in chunks:
                    self.wfile.write(b'%x\r\n%b\r\n' % (len(chunk), chunk))
                    time.sleep(0.02)
                if ended:
                    self.wfile.write(b'0\r\n\r\n')
            except OSError:
                return

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,)).start()
    try:
        yield f'http://127.0.0.1:{server.server_port}/'
    finally:
        server.shutdown()
        server.server_close()


def test_a_moving_picture_is_seen_without_the_proxy_of_the_machine(monkeypatch):
    monkeypatch.setenv('http_proxy', 'http://127.0.0.1:9')
    monkeypatch.delenv('no_proxy', raising=False)
    monkeypatch.delenv('NO_PROXY', raising=False)
    with page([part(BLACK), part(WHITE)]) as address:
        wait_for_picture(address, 'front', 2.0, lambda: '')


def test_a_picture_that_does_not_move_ends_the_wait():
    with (
        page(repeat(part(BLACK), 150)) as address,
        pytest.raises(PageError, match='shows no moving picture after'),
    ):
        began = time.monotonic()
        wait_for_picture(address, 'front', 0.5, lambda: '')
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    'chunks', [[part(BLACK)[:60]], [part(b'no image')]], ids=['torn', 'no image']
)
def test_a_page_that_breaks_off_in_an_image_is_one_line(chunks):
    with (
        page(chunks, ended=False) as address,
        pytest.raises(PageError, match='the graph has ended'),
    ):
        wait_for_picture(address, 'front', 5.0, lambda: 'the graph has ended')


def test_a_page_that_breaks_off_ends_a_video_with_its_last_image(tmp_path):
    with page([part(BLACK), part(WHITE)[:60]], ended=False) as address:
        record(address, ['front'], tmp_path / 'play.mp4', 0.3)
    assert (tmp_path / 'play.mp4').stat().st_size
