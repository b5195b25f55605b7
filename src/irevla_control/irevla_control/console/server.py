# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Serves the page at 127.0.0.1, in a thread."""

import asyncio
from collections.abc import AsyncIterator
import threading

from fastapi import FastAPI
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.responses import Response, StreamingResponse
import uvicorn

from irevla_control.console.live_view import LiveView
from irevla_control.console.own_pages import OwnPagesOnly
from irevla_control.console.page import add_page
from irevla_control.console.ports import HOST, bind
from irevla_control.errors import ConfigError

# Time allowed for the start and for the end of the server [s].
STARTS_WITHIN_S, ENDS_WITHIN_S = 20.0, 1.5
BOUNDARY = b'--frame\r\n'


class PageServer:
    """The page and its images, until `close`."""

    def __init__(self, view: LiveView, port: int, period_s: float) -> None:
        """Start to serve.

        Args:
            view: what the page shows.
            port: first port to try.
            period_s: shortest time between two images of a camera [s].

        Raises:
            ConfigError: all ports are in use, or the server does not start.

        """
        self._view, self._socket = view, bind(port)
        self.address = f'http://{HOST}:{self._socket.getsockname()[1]}/'
        config = uvicorn.Config(
            _app(view, period_s),
            log_level='warning',
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name='page', daemon=True
        )
        self._thread.start()
        self._wait_for_start()

    def close(self) -> None:
        """End the server, and the images that browsers still read."""
        # First the images: a browser reads them for as long as they come.
        self._view.closed = True
        self._server.should_exit = True
        self._thread.join(ENDS_WITHIN_S)
        self._socket.close()

    def _wait_for_start(self) -> None:
        for _ in range(int(STARTS_WITHIN_S / 0.05)):
            if self._server.started:
                return
            self._thread.join(0.05)
            if not self._thread.is_alive():
                break
        raise ConfigError(f'the page at {self.address} does not start; see the lines above')


def _app(view: LiveView, period_s: float) -> FastAPI:
    app = FastAPI(openapi_url=None)
    # A page of another host whose name resolves to 127.0.0.1 may not read this one.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, 'localhost'])
    app.add_middleware(OwnPagesOnly)

    @app.get('/camera/{name}')
    async def camera(name: str) -> Response:
        if name not in view.cameras:
            return Response(f'no camera {name!r}', status_code=404)
        return StreamingResponse(
            _images(view, name, period_s), media_type='multipart/x-mixed-replace; boundary=frame'
        )

    add_page(app, view)
    return app


async def _images(view: LiveView, camera: str, period_s: float) -> AsyncIterator[bytes]:
    """Yield a camera's images as the parts of a multipart response, while a browser reads it."""
    sent = view.frames.get(camera)
    with view.watching(camera):
        yield BOUNDARY
        while not view.closed:
            frame = view.frames.get(camera)
            if frame is not None and frame is not sent:
                sent = frame
                # The boundary comes at once: a browser shows an image when it has seen its end.
                yield (
                    b'Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n' % len(frame.jpeg)
                    + frame.jpeg
                    + b'\r\n'
                    + BOUNDARY
                )
            await asyncio.sleep(period_s / 2)
