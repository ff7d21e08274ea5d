"""Who may reach the listener for pushed metrics."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.errors import BadSettings
from detector.settings import load_settings
from detector.settings.listening import is_loopback
from detector.setup_check import load_whole_settings


def faults(text: str) -> list[tuple[int, str, str]]:
    try:
        load_whole_settings("s.yaml", text.encode(), {})
    except BadSettings as bad:
        return [(fault.line, fault.field, fault.problem) for fault in bad.faults]
    return []


def test_it_is_off_by_default() -> None:
    """And needs nothing on this machine alone."""
    assert load_settings("s", b"", {}).ingest.listen == ""
    for address in ("127.0.0.1:9482", "localhost:9482", "'[::1]:9482'", "127.8.0.1:1"):
        assert faults(f"ingest: {{listen: {address}}}") == []


@pytest.mark.parametrize("address", ["0.0.0.0:9482", "':9482'", "'[::]:9482'", "10.0.0.1:9482", "trimwatch:9482"])
def test_where_others_reach_it_it_needs_a_token_and_tls(address: str, tmp_path: Path) -> None:
    """Or somebody who says that the network is safe; the line is named."""
    token = f"token: abc, listen: {address}"
    (line, field, problem), (_, other, tls) = faults(f"# one\ningest:\n  listen: {address}\n")
    assert (line, field, other) == (3, "ingest.listen", "ingest.listen")
    assert "token" in problem
    assert "insecure: true" in tls
    assert [field for _, field, _ in faults(f"ingest: {{{token}}}")] == ["ingest.listen"]
    assert faults(f"ingest: {{{token}, insecure: true}}") == []
    assert [problem for _, _, problem in faults(f"ingest: {{listen: {address}, insecure: true}}")] == [problem]


def test_a_certificate_is_looked_at_before_anything_starts(tmp_path: Path) -> None:
    """Missing, without its key, or none at all."""
    good = Path(__file__).parents[2] / "data" / "tls"
    listen = "listen: 0.0.0.0:9482, token: abc"
    assert faults(f"ingest: {{{listen}, cert_file: {good}/server.pem, key_file: {good}/server.key}}") == []
    ((_, field, problem),) = faults(f"ingest: {{{listen}, cert_file: {good}/server.pem}}")
    assert (field, problem) == ("ingest.cert_file", "is of no use without key_file")
    (tmp_path / "none.pem").write_text("none")
    for certificate, said in ((tmp_path / "none.pem", "no certificate"), (tmp_path / "absent.pem", "cannot be read")):
        ((_, field, problem),) = faults(f"ingest: {{{listen}, cert_file: {certificate}, key_file: {good}/server.key}}")
        assert field == "ingest.cert_file"
        assert said in problem


def test_it_has_an_address_of_its_own() -> None:
    """And one that is an address."""
    text = "api: {listen: '127.0.0.1:9480'}\ningest: {listen: '127.0.0.1:9480'}\n"
    assert faults(text) == [(2, "ingest.listen", "is the address of api.listen too")]
    assert [field for _, field, _ in faults("ingest: {listen: 127.0.0.1}")] == ["ingest.listen"]
    assert not is_loopback("127.0.0.1.example.org:80")
