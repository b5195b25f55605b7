# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Videos of what the page shows, for machines without a screen."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from http.client import HTTPException, HTTPResponse
from pathlib import Path
import threading
import time
from urllib.request import ProxyHandler, build_opener

import av
import cv2
import numpy as np

from irevla_control.errors import IrevlaError
from irevla_control.files import replacement

FPS = 10
HEIGHT = 336
# Longest time without an image [s].
SILENCE_S = 30.0
# The page is on this machine: the proxy that its environment may name does not lead there.
_OPENER = build_opener(ProxyHandler({}))


class PageError(IrevlaError):
    """A page that shows no images."""


def images(page: str, camera: str) -> Iterator[np.ndarray]:
    """Yield the images of a camera on a page, uint8 (height, width, 3) RGB, as they come.

    Raises:
        OSError: the page ended, or there was no image for `SILENCE_S`.

    """
    try:
        with _OPENER.open(f'{page}camera/{camera}', timeout=SILENCE_S) as response:
            while True:
                jpeg = np.frombuffer(response.read(_length(response)), np.uint8)
                yield cv2.cvtColor(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    except (HTTPException, ValueError, cv2.error) as error:
        raise ConnectionError(f'the page broke off: {error!r}') from error


def _length(response: HTTPResponse) -> int:
    """Read the header of the next image; return its length."""
    length = 0
    while line := response.readline():
        name, _, value = line.partition(b':')
        if name == b'Content-Length':
            length = int(value)
        elif length and not line.strip():
            return length
    raise ConnectionError('the page has ended')


def wait_for_picture(page: str, camera: str, timeout_s: float, problem: Callable[[], str]) -> None:
    """Return when a camera has shown two different images: a moving picture.

    Args:
        page: its address.
        camera: name of the camera.
        timeout_s: longest time to wait [s].
        problem: returns why there will be no picture, or ''.

    Raises:
        PageError: there was no moving picture in this time, or there is a problem.

    """
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        # There is no page before its node has started.
        with suppress(OSError):
            first = None
            for image in images(page, camera):
                if first is not None and not np.array_equal(image, first):
                    return
                first = image
                if time.monotonic() > end:
                    break
        if reason := problem():
            raise PageError(reason)
        time.sleep(0.2)
    raise PageError(f'{page} shows no moving picture after {timeout_s:.0f} s; see the log')


class _Latest(threading.Thread):
    """Keeps the latest image of a camera, until the page ends."""

    def __init__(self, page: str, camera: str) -> None:
        super().__init__(daemon=True)
        self.image: np.ndarray | None = None
        self._images = images(page, camera)
        self.start()

    def run(self) -> None:
        try:
            for image in self._images:
                self.image = image
        except OSError:
            # The video ends with the latest image; the graph's own end is reported by its process.
            return


def record(page: str, cameras: Sequence[str], file: Path, seconds: float) -> None:
    """Write what the cameras of a page show, side by side, as an mp4.

    Raises:
        PageError: a camera shows nothing.

    """
    latest = [_Latest(page, camera) for camera in cameras]
    end = time.monotonic() + SILENCE_S
    while any(each.image is None for each in latest):
        if time.monotonic() > end:
            raise PageError(f'{page} shows no image for {SILENCE_S:.0f} s; see the log')
        time.sleep(0.05)
    file.parent.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    with replacement(file) as new, av.open(str(new), 'w', format='mp4') as container:
        stream = container.add_stream('libx264', rate=FPS, options={'preset': 'veryfast'})
        stream.pix_fmt, stream.time_base = 'yuv420p', Fraction(1, FPS)
        stream.height, stream.width = _side_by_side(latest).shape[:2]
        for number in range(round(seconds * FPS)):
            time.sleep(max(0.0, begin + number / FPS - time.monotonic()))
            frame = av.VideoFrame.from_ndarray(_side_by_side(latest), format='rgb24')
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _side_by_side(latest: Sequence[_Latest]) -> np.ndarray:
    pictures = [_scaled(each.image) for each in latest if each.image is not None]
    return np.concatenate(pictures, axis=1)


def _scaled(image: np.ndarray) -> np.ndarray:
    # H.264 with half-resolution colour needs even sizes.
    width = round(image.shape[1] * HEIGHT / image.shape[0] / 2) * 2
    return cv2.resize(image, (width, HEIGHT), interpolation=cv2.INTER_CUBIC)
