"""The only door to a URL that a tenant gave: every address is checked, then held on to.

A name is resolved once, all its addresses are judged, and the connection goes to a judged address
and no other, so that a second answer of the name server cannot lead inside (DNS rebinding). The host
name stays in the Host header and in TLS. Redirects are nobody's business here: see ``client``.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from ipaddress import ip_address

import httpx2

from headwater.adapters.confluence.allowlist import AllowList, parse_literal
from headwater.domain.errors import AddressRefusedError, SourceUnreachableError

_HIGHEST_PORT = 65_535

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve_name(host: str, port: int) -> Sequence[str]:
    """Return the name's addresses as text, in the system's order; ``OSError`` if there is none."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


@cache
def _load_trust() -> ssl.SSLContext:
    """Read the certificates we trust, once: it takes longer than most requests."""
    return httpx2.create_ssl_context()


def open_pool() -> httpx2.AsyncBaseTransport:
    """Return a fresh pool of connections."""
    return httpx2.AsyncHTTPTransport(verify=_load_trust())


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Sends requests to checked addresses only.

    Raises ``AddressRefusedError`` for a name that leads where tenants must not go and
    ``SourceUnreachableError`` for a name that does not exist.
    """

    def __init__(
        self,
        allow: AllowList,
        *,
        resolve: Resolver = resolve_name,
        make_pool: Callable[[], httpx2.AsyncBaseTransport] = open_pool,
    ) -> None:
        self._allow = allow
        self._resolve = resolve
        self._make_pool = make_pool
        self._addresses: dict[str, Sequence[str]] = {}
        # One pool per name: a TLS connection made for one name must not serve another
        # that happens to share the address.
        self._pools: dict[str, httpx2.AsyncBaseTransport] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request to the first of its host's checked addresses that takes connections."""
        host = request.url.raw_host.decode("ascii")
        _check_port(request.url)
        addresses = await self._checked_addresses(request.url, host)
        try:
            return await self._send_to_any(request, host, addresses)
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            self._addresses.pop(_origin(request.url), None)
            raise

    async def aclose(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            await pool.aclose()

    async def _checked_addresses(self, url: httpx2.URL, host: str) -> Sequence[str]:
        origin = _origin(url)
        if origin not in self._addresses:
            addresses = await self._look_up(host, url)
            self._check(host, addresses, url.scheme)
            self._addresses[origin] = addresses
        return self._addresses[origin]

    async def _look_up(self, host: str, url: httpx2.URL) -> Sequence[str]:
        if parse_literal(host) is not None:
            return (host,)
        try:
            return await self._resolve(host, url.port or 443)
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise httpx2.ConnectError(f"{host} does not resolve at the moment") from error
            raise _unresolvable(host) from error
        except UnicodeError as error:  # a label that is empty or too long is no name at all
            raise _unresolvable(host) from error

    def _check(self, host: str, addresses: Sequence[str], scheme: str) -> None:
        for address in addresses:
            if not self._allow.permits(host, ip_address(address), scheme=scheme):
                raise AddressRefusedError(
                    ("instance_url",),
                    f"{host} leads to an address that is not to be reached; if it should be, "
                    "the operator can list it in HEADWATER_ALLOWED_PRIVATE_HOSTS",
                    "value_error.url.host",
                )

    async def _send_to_any(
        self, request: httpx2.Request, host: str, addresses: Sequence[str]
    ) -> httpx2.Response:
        if host not in self._pools:
            self._pools[host] = self._make_pool()
        pool = self._pools[host]
        *others, last = addresses
        for address in others:
            try:
                return await pool.handle_async_request(_pin(request, host, address))
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
        return await pool.handle_async_request(_pin(request, host, last))


def _check_port(url: httpx2.URL) -> None:
    """Refuse a port that is none: some systems would dial its low 16 bits."""
    if url.port is not None and not 0 < url.port <= _HIGHEST_PORT:
        raise AddressRefusedError(
            ("instance_url",), "the port is a number from 1 to 65535", "value_error.url.port"
        )


def _unresolvable(host: str) -> SourceUnreachableError:
    return SourceUnreachableError(
        f"The host {host} does not resolve; check the spelling of instance_url"
    )


def _origin(url: httpx2.URL) -> str:
    return f"{url.scheme}://{url.raw_host.decode('ascii')}:{url.port or ''}"


def _pin(request: httpx2.Request, host: str, address: str) -> httpx2.Request:
    if address == host:
        return request
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )
