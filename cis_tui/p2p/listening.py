"""The port that peers connect to."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress

from cis_tui.core.errors import Unavailable

_BACKLOG = 128


def bind(port: int) -> tuple[list[socket.socket], str]:
    """Listen on `port` of every interface, or on a free one if it is taken; and what a person should know of that.

    No socket has SO_REUSEPORT, as the library's have: with it two nodes could hold one port and get each other's
    connections, and neither would be told.

    Raises:
        Unavailable: no port can be had (CIS-P2P-006).
    """
    try:
        return _listen(port), ""
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES) or port == 0:
            raise Unavailable("CIS-P2P-006", f"cannot listen for peers: {error.strerror}") from error
        why = "is taken" if error.errno == errno.EADDRINUSE else "is not allowed"
    try:
        sockets = _listen(0)
    except OSError as error:
        raise Unavailable("CIS-P2P-006", f"cannot listen for peers: {error.strerror}") from error
    return sockets, f"port {port} {why}; peers are listened for on port {sockets[0].getsockname()[1]}"


def _listen(port: int) -> list[socket.socket]:
    first = _open(socket.AF_INET, "0.0.0.0", port)
    sockets = [first]
    with suppress(OSError):  # no IPv6 here, or its port is taken: IPv4 alone will do
        sockets.append(_open(socket.AF_INET6, "::", first.getsockname()[1]))
    return sockets


def _open(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((host, port))
        opened.listen(_BACKLOG)
        opened.setblocking(False)
    except OSError:
        opened.close()
        raise
    return opened
