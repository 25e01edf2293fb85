"""Which hosts this machine may be asked to talk to: not those that hand out its own credentials.

A cloud's metadata service answers any process on a machine with that machine's credentials, at a
link-local address. Nobody who may name an address of data shall reach it through an agent or the
studio: by its number, by its name, by a name of their own that leads to it, or by a redirect.
"""

import contextlib
import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from mlflow_plugins.core import NotAllowed

_NAMES = ("metadata", "metadata.google.internal", "metadata.goog", "instance-data")
# Beside link-local ones: the metadata services of Azure, Alibaba, Oracle and AWS over IPv6.
_NUMBERS = ("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
_FORBIDDEN = frozenset(map(ipaddress.ip_address, _NUMBERS))


def is_forbidden(number: str) -> bool:
    """Tell whether an IP address is one that no address of data may lead to.

    Example:
        >>> is_forbidden("169.254.169.254"), is_forbidden("::ffff:169.254.169.254")
        (True, True)
        >>> is_forbidden("10.0.0.7")
        False
    """
    address: Any = ipaddress.ip_address(number.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    return (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address in _FORBIDDEN
    )


def check_host(url: str) -> None:
    """Make sure that a URL's host is not one that hands out credentials, by any of its names.

    A name that this machine cannot look up passes: whoever connects will say so.

    Raises:
        NotAllowed: It is such a host.
    """
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    if host in _NAMES or any(is_forbidden(number) for number in _numbers_of(host)):
        raise NotAllowed(_refusal(host))


def session() -> requests.Session:
    """Return a session that checks each host it talks to, after every redirect, as connected."""
    made = requests.Session()
    for scheme in ("http://", "https://"):
        made.mount(scheme, _CheckingAdapter())
    return made


def _numbers_of(host: str) -> set[str]:
    with contextlib.suppress(OSError, UnicodeError):
        return {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    return set()


def _refusal(host: str) -> str:
    return (
        f"The host {host!r} is a link-local or metadata address, which may hold credentials of "
        "this machine and never data. Give the address of a storage or web server."
    )


class _CheckingAdapter(HTTPAdapter):
    """Checks a request's host before it is looked up, and the number that was connected to."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        check_host(request.url or "")
        return super().send(request, *args, **kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> Any:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


def _checked(connected: socket.socket) -> socket.socket:
    number = connected.getpeername()[0]
    if is_forbidden(number):  # the name led elsewhere when it was looked up a second time
        connected.close()
        raise NotAllowed(_refusal(number))
    return connected


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection
