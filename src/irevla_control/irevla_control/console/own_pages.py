# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Keeps pages of other origins in the same browser away from the page."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi.responses import PlainTextResponse

# What a browser says of a request that a page of its own, or the user, made.
OWN = (b'same-origin', b'none')


class OwnPagesOnly:
    """Refuses requests that another page made, also inside a frame or over a WebSocket.

    A link to the page works. Programs, which send neither header, are not refused.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """Answer a request, or pass it on."""
        if scope['type'] in ('http', 'websocket') and _from_elsewhere(dict(scope['headers'])):
            refusal = PlainTextResponse('a page of another origin may not use this one', 403)
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _from_elsewhere(headers: dict[bytes, bytes]) -> bool:
    origin = headers.get(b'origin')
    if origin is not None and origin != b'http://' + headers.get(b'host', b''):
        return True
    followed_link = headers.get(b'sec-fetch-dest') == b'document'
    return headers.get(b'sec-fetch-site', OWN[0]) not in OWN and not followed_link
