"""Where a server listens, and the URL under which this machine reaches it."""

import errno
import socket
from typing import Final

from headwater.cli.output import CommandFailedError

ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (compared, not bound)
"""Addresses that mean every interface, and the one by which this machine reaches itself."""


def open_listener(host: str, port: int) -> socket.socket:
    """Return a socket bound to host and port; ``CommandFailedError`` says why that cannot be."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _explain(host, port, error) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _explain(host, port, error) from error
    return listener


def name_url(host: str, port: int) -> str:
    """Return the URL of a server on this machine that listens there."""
    reachable = ANY_ADDRESS.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _explain(host: str, port: int, error: OSError) -> CommandFailedError:
    if error.errno == errno.EADDRINUSE:
        hint = "another program listens there; choose another with --port or HEADWATER_PORT"
    else:
        hint = "choose an address of this machine with --host or HEADWATER_HOST"
    return CommandFailedError(f"cannot listen on {host}:{port}: {error.strerror}", hint=hint)
