"""Who is served: networks of both families, however an address is written."""

from __future__ import annotations

import socket
from ipaddress import ip_network

import pytest
from toy_client import service

from streamrecon.mrd.wire.messages import Close, Query
from streamrecon.server.doors.allow_list import is_allowed, peer_of

SCANNERS = [ip_network("127.0.0.4/30"), ip_network("127.0.0.2/32"), ip_network("fd00:7::/64")]


@pytest.mark.parametrize("written", ["{}", "::ffff:{}", "::FFFF:{}"])
@pytest.mark.parametrize("last", range(2, 10))
def test_an_address_is_let_in_by_its_network_however_it_is_written(last: int, written: str) -> None:
    peer = peer_of(written.format(f"127.0.0.{last}"))

    assert is_allowed(peer, SCANNERS) is (last in {2, 4, 5, 6, 7})


@pytest.mark.parametrize(
    ("address", "is_in"),
    [("fd00:7::9%eth0", True), ("fd00:8::9", False), ("::127.0.0.2", False), ("::1", False)],
)
def test_ipv6_is_let_in_by_its_own_networks_only(address: str, is_in: bool) -> None:
    assert is_allowed(peer_of(address), SCANNERS) is is_in


def test_a_network_may_be_written_as_mapped() -> None:
    mapped = [ip_network("::ffff:127.0.0.4/126")]

    assert is_allowed(peer_of("127.0.0.7"), mapped)
    assert not is_allowed(peer_of("127.0.0.8"), mapped)


def test_everybody_of_ipv6_is_nobody_of_ipv4() -> None:
    assert not is_allowed(peer_of("::ffff:10.1.2.3"), [ip_network("::/0")])


def test_the_service_serves_those_addresses_alone() -> None:
    served = []
    with service(allow=["127.0.0.4/30", "127.0.0.2"]) as running:
        for last in range(2, 10):
            with (
                socket.create_connection(
                    ("127.0.0.1", running.port), source_address=(f"127.0.0.{last}", 0)
                ) as stranger,
                running.connect() as client,
            ):
                client.socket.close()
                client.socket = stranger
                stranger.settimeout(10)
                try:
                    client.send(Query("gadgetron::version"), Close())
                    served.append(last) if client.hear_all() else None
                except ConnectionError:
                    continue

    assert served == [2, 4, 5, 6, 7]
