"""URLs of the settings, taken apart."""

from __future__ import annotations

import pytest

from detector.edges.http.address import target_of


@pytest.mark.parametrize(
    ("url", "host", "port", "host_header", "path"),
    [
        ("https://events.pagerduty.com/v2/enqueue", "events.pagerduty.com", 443, "events.pagerduty.com", "/v2/enqueue"),
        ("http://am:9093", "am", 9093, "am:9093", "/"),
        ("http://am:80/x?a=b&c=%20#frag", "am", 80, "am", "/x?a=b&c=%20"),
        ("http://[::1]:9093/", "::1", 9093, "[::1]:9093", "/"),
        ("https://bücher.example/ä", "xn--bcher-kva.example", 443, "xn--bcher-kva.example", "/%C3%A4"),
        ("HTTPS://Hooks.Slack.com/services/T/B/X", "hooks.slack.com", 443, "hooks.slack.com", "/services/T/B/X"),
    ],
)
def test_a_url_is_taken_apart(url: str, host: str, port: int, host_header: str, path: str) -> None:
    """Host and port to connect to, what to ask for, and nothing of a fragment."""
    target = target_of(url)
    assert (target.host, target.port, target.host_header, target.path) == (host, port, host_header, path)
    assert target.is_tls is url.lower().startswith("https")


def test_a_user_in_the_url_is_basic_authentication() -> None:
    """And is no part of what is shown."""
    target = target_of("http://user:p%40ss@am:9093/base/")
    assert target.authorization == "Basic dXNlcjpwQHNz"
    assert str(target) == "http://am:9093"
    assert target.below("/api/v2/alerts").path == "/base/api/v2/alerts"


@pytest.mark.parametrize("url", ["http://x:99999/", "http://x:-1/", "http://[::1/", "http://" + "a" * 70 + ".\u0660/"])
def test_what_cannot_be_an_address_is_refused(url: str) -> None:
    """Ports and hosts out of range."""
    with pytest.raises(ValueError):  # noqa: PT011 -- the standard library words some of them
        target_of(url)
