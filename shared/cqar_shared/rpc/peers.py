"""Who is at the other end of a connection, where no key says so."""

from __future__ import annotations

from typing import Final

_LOOPBACK: Final = ("ipv4:127.", "ipv6:[::1]", "ipv6:%5B::1%5D")


def peer_of(address: str) -> str:
    """What one caller without a key is known by, from gRPC's name of a connection.

    On loopback that is the connection, since all have one address there; beyond it the address,
    whatever its port. Everybody behind one Unix socket has one name: `unix:`.
    """
    if address.startswith(_LOOPBACK) or not address.startswith("ip"):
        return address
    return address.rpartition(":")[0]
