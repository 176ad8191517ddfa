"""Tells whose clients are served: one address is one address, in whichever family it is written."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MAPPED = IPv6Network("::ffff:0:0/96")


def peer_of(text: str) -> Address:
    """The address of a peer, without its zone; what IPv6 only maps is IPv4.

    A socket of both families shows IPv4 clients so.

    >>> peer_of("::ffff:10.0.0.7"), peer_of("fe80::1%eth0")
    (IPv4Address('10.0.0.7'), IPv6Address('fe80::1'))
    """
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_allowed(peer: Address, networks: Iterable[Network]) -> bool:
    """Whether one of the networks has it; networks may be written as mapped ones too.

    >>> is_allowed(peer_of("10.0.0.7"), [ip_network("::ffff:10.0.0.0/104")])
    True
    """
    return any(peer in _plain(network) for network in networks)


def _plain(network: Network) -> Network:
    if not isinstance(network, IPv6Network) or not network.subnet_of(_MAPPED):
        return network
    first = network.network_address.ipv4_mapped
    return ip_network((int(first or 0), network.prefixlen - _MAPPED.prefixlen))
