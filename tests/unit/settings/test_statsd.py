"""What `check` refuses of a StatsD source."""

from __future__ import annotations

import pytest

from detector.errors import BadSettings
from detector.settings import load_settings
from detector.settings.statsd import host_and_port


def problems(*sources: str) -> list[str]:
    """The faults of the sources, as `field: problem`."""
    text = "sources:\n" + "".join(f"  - {{type: statsd, name: s{at}, {source}}}\n" for at, source in enumerate(sources))
    try:
        load_settings("s.yaml", text, {})
    except BadSettings as bad:
        return [f"{fault.field}: {fault.problem}" for fault in bad.faults]
    return []


@pytest.mark.parametrize("listen", ["127.0.0.1:8125", "[::1]:8125", "localhost:0"])
def test_addresses_of_this_machine(listen: str) -> None:
    """Nobody else can send there."""
    assert problems(f"listen: '{listen}'") == []
    host, port = host_and_port(listen)
    assert "[" not in host
    assert port in (0, 8125)


@pytest.mark.parametrize("listen", ["8125", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "shop:8125", "::1:8125", ""])
def test_what_is_no_address(listen: str) -> None:
    """Names are none: they would have to be asked for."""
    (problem,) = problems(f"listen: '{listen}'")
    assert "write an IP address and a port" in problem


def test_others_may_send_only_when_it_is_said() -> None:
    """Nothing proves who they are."""
    (problem,) = problems("listen: '0.0.0.0:8125'")
    assert problem == "sources.0.listen: can be reached from other machines: set allow_remote: true, or listen on 127.0.0.1"
    assert problems("listen: '0.0.0.0:8125', allow_remote: true") == []


def test_an_address_is_listened_on_once() -> None:
    """The second says whose it is."""
    assert problems("interval: 1s", "interval: 2s") == ["sources.1.listen: is the address of sources.0 too"]
