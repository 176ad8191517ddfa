"""Environment variables that Kubernetes puts into every pod for each service of its namespace."""

from __future__ import annotations

import re
from collections.abc import Mapping

_HOST = "_SERVICE_HOST"
_OF_SERVICE = re.compile(
    r"SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?"
)
_URL = re.compile(r"(tcp|udp|sctp)://")


def service_variables(environment: Mapping[str, str], prefix: str) -> frozenset[str]:
    """Names that describe services whose own names begin like ``prefix``.

    A service named ``streamrecon`` gives ``STREAMRECON_SERVICE_HOST``, ``STREAMRECON_PORT`` (a URL,
    where our setting is a number) and others. They are known by their host, which is always there:
    one of them alone is a setting that is misspelt.

    Examples
    --------
    >>> pod = {"A_SERVICE_HOST": "10.0.0.1", "A_PORT": "tcp://10.0.0.1:80", "A_SESSIONS": "2"}
    >>> sorted(service_variables(pod, "A_"))
    ['A_PORT', 'A_SERVICE_HOST']
    >>> sorted(service_variables({"A_SERVICE_PORT": "80"}, "A_"))
    []
    """
    services = [
        name.removesuffix(_HOST) + "_"
        for name in environment
        if name.startswith(prefix) and name.endswith(_HOST)
    ]
    return frozenset(
        name
        for name in environment
        for service in services
        if name.startswith(service)
        and _OF_SERVICE.fullmatch(rest := name.removeprefix(service))
        and (rest != "PORT" or _URL.match(environment[name]))
    )
