"""The web process: inbox in front, then sockets, then Django."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
django_app = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402 (needs the apps)
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import OriginValidator  # noqa: E402
from django.conf import settings  # noqa: E402

from conversations.routing import websocket_urlpatterns  # noqa: E402
from core import memory  # noqa: E402
from core.lanes import Lanes  # noqa: E402
from core.shortcut import Shortcut  # noqa: E402
from integrations.inbox import Inbox  # noqa: E402

if TYPE_CHECKING:
    from urllib.parse import ParseResult

#: Seconds for which a thread may make others wait for the interpreter. Answers come from
#: several threads in turn, each of which would wait ten times as long for requests that
#: come at one moment, or for a timed job.
_TURN_S = 0.0005

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class AllowedOrigins(OriginValidator):  # type: ignore[misc]
    """Pages of foreign sites may not open sockets with their visitors' cookies.

    Browsers always say where a page is from; who says nothing is a program.
    """

    def valid_origin(self, parsed_origin: ParseResult | None) -> bool:
        return parsed_origin is None or super().valid_origin(parsed_origin)


async def lifespan(scope: Any, receive: Receive, send: Send) -> None:
    """Be ready for the first request; what runs in the background has its own process."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            import_module(settings.ROOT_URLCONF)
            memory.settle()
            sys.setswitchinterval(_TURN_S)
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


application = Inbox(
    ProtocolTypeRouter(
        {
            "http": Lanes(Shortcut(django_app)),
            "websocket": AllowedOrigins(
                AuthMiddlewareStack(URLRouter(websocket_urlpatterns)),
                settings.ALLOWED_HOSTS,
            ),
            "lifespan": lifespan,
        }
    )
)
