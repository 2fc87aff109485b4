"""Which addresses a URL given by a tenant may reach.

Public unicast addresses, and beyond them only what the operator lists (``ALLOWED_PRIVATE_HOSTS``).
An IPv6 address that carries an IPv4 one is judged by both. Sources: the IANA special-purpose address
registries, RFC 6890, RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo), RFC 5214 (ISATAP).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from headwater.domain.errors import ConfigError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_GLOBAL_UNICAST_6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_MAPPED = IPv6Network("::ffff:0:0/96")
_COMPATIBLE = IPv6Network("::/96")
_SPECIAL_4 = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
_SPECIAL_6 = (IPv6Network("2001::/23"), IPv6Network("3fff::/20"))
_ISATAP_MARKS = {0x00005EFE, 0x02005EFE}
_LOW_32_BITS = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class AllowList:
    """Hosts and networks that may be reached although private, with ``http`` allowed for them."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def names(self, host: str) -> bool:
        """Tell whether the host itself is listed: then whatever it resolves to is allowed."""
        return host in self.hosts

    def covers(self, address: Address) -> bool:
        """Tell whether a listed network holds the address, or every IPv4 address inside it."""
        embedded = _embedded(address)
        return self._holds(address) or (bool(embedded) and all(map(self._holds, embedded)))

    def _holds(self, address: Address) -> bool:
        return any(address in network for network in self.networks)

    def permits(self, host: str, address: Address, *, scheme: str) -> bool:
        """Tell whether ``host`` may be reached at ``address``; ``http`` only where listed."""
        if self.names(host) or self.covers(address):
            return True
        return scheme == "https" and is_public(address)

    def may_use_http(self, host: str) -> bool:
        """Tell whether ``http`` is possible for the host, before anything is resolved.

        A name may still resolve into a listed network, so it passes here when there are networks
        and is judged again, with :meth:`permits`, once its address is known.
        """
        address = parse_literal(host)
        if self.names(host):
            return True
        return bool(self.networks) if address is None else self.covers(address)


def parse_allow_list(entries: Iterable[str]) -> AllowList:
    """Return the list made of host names, addresses and CIDRs; ``ConfigError`` for anything else."""
    hosts: set[str] = set()
    networks: list[Network] = []
    for entry in entries:
        network = _parse_network(entry)
        if network is not None:
            networks.append(network)
        else:
            hosts.add(_parse_host(entry))
    return AllowList(frozenset(hosts), tuple(networks))


def parse_literal(host: str) -> Address | None:
    """Return the address that ``host`` spells out (without brackets), or ``None`` for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def spell_host(host: str) -> str:
    """Return the one ASCII spelling by which a host is judged, resolved and dialled; empty if none."""
    host = host.removesuffix(".").lower()
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def is_public(address: Address) -> bool:
    """Tell whether the address is globally routable unicast, and so is every address inside it."""
    return all(_is_public_form(form) for form in _judged_forms(address))


def _parse_network(entry: str) -> Network | None:
    try:
        return ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return None


def _parse_host(entry: str) -> str:
    host = spell_host(entry)
    if not host or any(sign in host for sign in "/:@?#*\\ "):
        raise ConfigError(
            f"HEADWATER_ALLOWED_PRIVATE_HOSTS: {entry!r} is no host name, address or CIDR; "
            "give it without scheme, port, path or wildcard"
        )
    return host


def _judged_forms(address: Address) -> tuple[Address, ...]:
    """Return what decides: of mapped, compatible and NAT64 addresses only what they carry."""
    embedded = _embedded(address)
    if _is_wrapper(address):
        return embedded
    return (address, *embedded)


def _embedded(address: Address) -> tuple[IPv4Address, ...]:
    if isinstance(address, IPv4Address):
        return ()
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if _is_wrapper(address) or (int(address) >> 32) & _LOW_32_BITS in _ISATAP_MARKS:
        return (IPv4Address(int(address) & _LOW_32_BITS),)
    return ()


def _is_wrapper(address: Address) -> bool:
    """Tell whether the address is nothing but an IPv4 address written in IPv6."""
    return any(address in network for network in (_MAPPED, _NAT64, _COMPATIBLE))


def _is_public_form(address: Address) -> bool:
    if isinstance(address, IPv6Address):
        return address.scope_id is None and address in _GLOBAL_UNICAST_6 and _is_routed(address)
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _SPECIAL_4)
    )


def _is_routed(address: IPv6Address) -> bool:
    """6to4 and Teredo are not global by registry; the IPv4 addresses inside are judged apart."""
    if address.sixtofour is not None or address.teredo is not None:
        return True
    return address.is_global and not any(address in network for network in _SPECIAL_6)
