"""The address guard: where requests to addresses from outside may go.

An address that users, providers or stored rows supply must lead to the open internet.
Names are resolved at the moment of connecting, every address found is looked at, and
only what was looked at is connected to, so a name that changes its address in between
gains nothing. `PRIVATE_HOSTS_ALLOWED` names the hosts that are let through.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import socket
from typing import Final

import httpx2
from django.conf import settings

_NAMES_KEPT_S: Final = 5.0
_NAMES_KEPT: Final = 1000
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(httpx2.LocalProtocolError):
    """The guard does not let a request go there."""


def check_url(url: str, *, trusted: bool = False) -> httpx2.URL:
    """The parsed URL; raises AddressRefused for what no request may go to.

    Names are not resolved here: that happens at the moment of connecting.
    """
    try:
        parsed = _parse(url)
    except httpx2.InvalidURL as exc:
        raise AddressRefused(f"This is not a URL: {exc}") from exc
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise AddressRefused("Only http and https addresses can be called.")
    if parsed.userinfo:
        raise AddressRefused("An address may not hold a user name or password.")
    if not trusted and not _is_allowed_name(parsed.host):
        with contextlib.suppress(ValueError):
            _refuse_private(ipaddress.ip_address(parsed.host))
        if parsed.host.rstrip(".").lower() == "localhost":
            raise AddressRefused("Addresses inside this network cannot be called.")
    return parsed


_parse = functools.lru_cache(maxsize=1024)(httpx2.URL)


def _is_allowed_name(host: str) -> bool:
    allowed = {name.lower() for name in settings.PRIVATE_HOSTS_ALLOWED}
    return host.rstrip(".").lower() in allowed


def _refuse_private(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if not _is_public(address):
        raise AddressRefused("Addresses inside this network cannot be called.")


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether it is a host of the open internet; addresses that wrap one are not."""
    if isinstance(address, ipaddress.IPv6Address) and (
        address.ipv4_mapped
        or address.sixtofour
        or address.teredo
        or address.is_site_local
        or address in _NAT64
    ):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class Names:
    """Resolves names; equal questions of the same moment share one answer."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], tuple[float, asyncio.Task[list[str]]]] = {}

    async def resolve(self, host: str, port: int) -> list[str]:
        """All addresses of a host, as the system orders them."""
        loop = asyncio.get_running_loop()
        until, task = self._found.get((host, port), (0.0, None))
        has_failed = task is not None and task.done() and _failed(task)
        if task is None or has_failed or until < loop.time():
            if len(self._found) >= _NAMES_KEPT:
                self._found.clear()
            task = loop.create_task(self._ask(host, port))
            self._found[host, port] = (loop.time() + _NAMES_KEPT_S, task)
        return await asyncio.shield(task)

    async def resolve_public(self, host: str, port: int) -> list[str]:
        """The same; raises AddressRefused if one of them is not public."""
        addresses = await self.resolve(host, port)
        if not _is_allowed_name(host):
            for address in addresses:
                _refuse_private(ipaddress.ip_address(address.partition("%")[0]))
        return addresses

    async def _ask(self, host: str, port: int) -> list[str]:
        with contextlib.suppress(ValueError):
            return [str(ipaddress.ip_address(host))]
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _failed(task: asyncio.Task[list[str]]) -> bool:
    return task.cancelled() or task.exception() is not None
