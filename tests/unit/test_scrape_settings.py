"""What may be wrong with how targets are named."""

from __future__ import annotations

import pytest

from detector.errors import BadSettings
from detector.settings import load_settings


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("urls: []", "urls: is empty"),
        ("urls: ['shop:8080/metrics']", "urls.0: is 'shop:8080/metrics'; write http://host:port/metrics"),
        ("urls: ['http://u:p@shop/metrics']", "urls.0: holds a user or a password"),
        ("urls: ['http://shop/m', 'http://shop/m']", "urls.1: 'http://shop/m' stands there twice"),
        ("urls: ['http://shop/m'], labels: {job: x}", "labels: 'job' cannot be a label here"),
        ("urls: ['http://shop/m'], timeout: 20s", "timeout: is longer than interval"),
        ("urls: ['http://shop/m'], username: u", "username: needs password"),
        ("urls: ['http://shop/m'], username: u, password: p, token: t", "token: cannot be given beside"),
        ("urls: ['https://shop/m'], cert_file: c", "cert_file: needs key_file"),
        ("urls: ['http://shop/m'], ca_file: c", "ca_file: means nothing without"),
        ("urls: ['http://shop/m'], max_samples: 0", "max_samples: is 0; must be at least 1"),
    ],
)
def test_problems(written: str, problem: str) -> None:
    """Each with its field; no text repeats a password."""
    with pytest.raises(BadSettings) as caught:
        load_settings("s.yaml", f"sources: [{{type: scrape, {written}}}]\n", {})
    (fault,) = caught.value.faults
    assert f"{fault.field}: {fault.problem}".startswith(f"sources.0.{problem}")
    assert "u:p" not in fault.problem
