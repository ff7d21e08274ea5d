"""Where we may connect to: a URL from the settings, and the addresses its name resolves to that are not refused.

Addresses are looked at after the name is resolved, and the connection is made to the very address that was looked at, so a name
that resolves differently a moment later changes nothing.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from detector.errors import SinkError

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Cloud metadata services outside the link-local range: AWS over IPv6, Alibaba, Oracle.
_METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "192.0.0.192")))
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
_IPV4_COMPATIBLE = ipaddress.ip_network("::/96")
_SAFE_IN_A_PATH = "/%:@!$&'()*+,;=-._~"


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed URL. `host_header` has the port where it is not the scheme's own; `path` has the query; `authorization` is Basic
    where the URL had a user."""

    is_tls: bool
    host: str
    port: int
    host_header: str
    path: str
    authorization: str | None = None

    def __str__(self) -> str:
        """Scheme and host alone: the rest of a receiver's URL is often its secret."""
        return f"{'https' if self.is_tls else 'http'}://{self.host_header}"

    def below(self, path: str) -> Target:
        """The target with a path added to its own, for APIs under a base address."""
        return Target(self.is_tls, self.host, self.port, self.host_header, self.path.rstrip("/") + path, self.authorization)


def target_of(url: str) -> Target:
    """Raises ValueError that says what is wrong without repeating the URL."""
    if re.search(r"[\x00-\x20\x7f]", url):
        raise ValueError("a URL has no blanks or control characters")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError("a URL here begins with http:// or https://")
    if not parts.hostname:
        raise ValueError("the URL has no host")
    host = _ascii_host(parts.hostname)
    is_tls = parts.scheme == "https"
    own_port = 443 if is_tls else 80
    port = own_port if parts.port is None else parts.port
    shown = f"[{host}]" if ":" in host else host
    return Target(
        is_tls=is_tls,
        host=host,
        port=port,
        host_header=shown if port == own_port else f"{shown}:{port}",
        path=quote(parts.path or "/", _SAFE_IN_A_PATH) + (f"?{quote(parts.query, _SAFE_IN_A_PATH + '?')}" if parts.query else ""),
        authorization=_basic(unquote(parts.username), unquote(parts.password or "")) if parts.username is not None else None,
    )


def _ascii_host(host: str) -> str:
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        raise ValueError("the URL's host is no name") from None


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def refusal(address: IpAddress, allow_private: bool) -> str | None:
    """Why nobody may connect to the address, or None. An IPv4 address inside an IPv6 one counts as itself."""
    for one in (address, *_inner(address)):
        if one in _METADATA or one.is_link_local:
            return "link-local and metadata addresses are refused"
        if one.is_unspecified or one.is_multicast or (one.version == 4 and (one in _THIS_NETWORK or one == _BROADCAST)):
            return "it is no address of a single host"
        if not allow_private and not one.is_global:
            return "loopback and private addresses need `allow_private: true`"
    return None


_BROADCAST = ipaddress.ip_address("255.255.255.255")


def _inner(address: IpAddress) -> tuple[ipaddress.IPv4Address, ...]:
    if address.version == 4:
        return ()
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    last = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if any(address in network for network in _NAT64) or (address in _IPV4_COMPATIBLE and int(address) > 1):
        found.append(last)
    return tuple(a for a in found if a is not None)


async def addresses_of(target: Target, allow_private: bool) -> list[str]:
    """The addresses of the target that may be connected to, in the resolver's order; never empty. Raises SinkError: an address
    written in the settings that is refused stays refused; a name may resolve to something else later."""
    hosts = [target.host] if _is_address(target.host) else await _resolved(target)
    refusals = {host: refusal(ipaddress.ip_address(host), allow_private) for host in hosts}
    allowed = [host for host in hosts if refusals[host] is None]
    if allowed:
        return allowed
    why = "; ".join(f"{host}: {reason}" for host, reason in refusals.items()) or "no address"
    raise SinkError(f"{target}: {why}", retryable=not _is_literal(target.host), reason="clientError")


async def _resolved(target: Target) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SinkError(f"{target}: the name does not resolve: {error}", retryable=True, reason="connectionError") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_address(host: str) -> bool:
    """Whether it is written as addresses are everywhere: a resolver, in a thread of its own, would say the same."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_literal(host: str) -> bool:
    """Whether no resolver is asked: an address, or one of the shorthands of inet_aton (`127.1`, `0x7f000001`)."""
    try:
        socket.inet_aton(host)
    except OSError:
        return ":" in host
    return True
