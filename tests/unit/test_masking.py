"""What masking hides, and what it must leave alone."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from detector.masking import mask, mask_incident
from detector.records import Cause
from tests.unit.test_interface import INCIDENT

CANARY = "c4nary-S3cret"


@pytest.mark.parametrize(
    "text",
    [
        f"password={CANARY}",
        f"DB_PASSWORD={CANARY} DB_HOST=x",
        f'{{"password": "{CANARY}", "user": "a"}}',
        f'{{"msg":"{{\\"apiKey\\":\\"{CANARY}\\"}}"}}',
        f"spring.datasource.password: {CANARY}",
        f"aws_secret_access_key = {CANARY}",
        f"client-secret => '{CANARY} with spaces'",
        f"connecting to jdbc:postgresql://app:{CANARY}@db:5432/orders",
        f"redis://:{CANARY}@cache",
        f"https://{CANARY}@example.org/x",
        f"GET /x?access_token={CANARY}&y=1 and &sig={CANARY}",
        f"Authorization: Bearer {CANARY}",
        f"Authorization: Basic {CANARY}",
        f"authorization={CANARY}",
        f"curl -H 'Authorization: token {CANARY}'",
        f"sent bearer {CANARY} to upstream",
        f"Cookie: a=1; session={CANARY}",
        f"Set-Cookie: sid={CANARY}; Path=/",
        f"mysql -u root --password {CANARY} db",
        f"token={CANARY}",
        f"csrf token: {CANARY}",
        f"https://hooks.slack.com/services/T0/B0/{CANARY}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY.replace('-', '')}\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_a_secret_does_not_survive(text: str) -> None:
    """Wherever a log, an address or a configuration file would put one."""
    masked = mask(text)
    assert CANARY not in masked
    assert CANARY.replace("-", "") not in masked
    assert "***" in masked


@pytest.mark.parametrize(
    "secret",
    [
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcHrzqqgy",
        "glpat-ABCDEFGHIJ1234567890",
        "sk-proj-abcdefghijklmnopqrstuvwxyz012345",
        "AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY",
        "4111 1111 1111 1111",
        "5500-0000-0000-0004",
        "378282246310005",
    ],
)
def test_a_secret_is_known_by_its_shape(secret: str) -> None:
    """Where no key stands before it."""
    assert mask(f"got {secret} from caller") == "got *** from caller"


@pytest.mark.parametrize(
    "text",
    [
        "java.lang.ClassNotFoundException: com.example.security.PasswordEncoder",
        "Error creating bean with name 'passwordEncoder': Unsatisfied dependency expressed through constructor",
        "Could not resolve placeholder 'db.password' in value \"${db.password}\"",
        "KeyError: 'API_TOKEN'",
        "SyntaxError: Unexpected token } in JSON at position 4",
        "unexpected token: then",
        "password: null",
        "spring.datasource.password=${DB_PASSWORD}",
        'secret "orders-db" not found',
        "Basic authentication is required",
        "bearer authentication failed",
        "at 1764026540007 offset 4111111111111112 id 20251124232220007",
        "order 1234 5678 9012 3456 shipped",
        "see https://example.org/a?page=2 and mail me@example.org",
        "libssl.so.3: cannot open shared object file: No such file or directory",
    ],
)
def test_what_explains_a_failure_stays(text: str) -> None:
    """A masked class name or configuration key would hide the very thing that is missing."""
    assert mask(text) == text


def test_every_text_of_an_incident_is_masked_and_nothing_else() -> None:
    """Evidence, title, fix, explanation, entity and cause; identity, counts and times stay as they are."""
    secret = f"password={CANARY}"
    incident = replace(
        INCIDENT,
        title=secret,
        fix=secret,
        explanation=secret,
        entity=secret,
        evidence=(replace(INCIDENT.evidence[0], text=secret),),
        cause=Cause(secret, "config_key", "c1", secret, 1.0),
    )
    masked = mask_incident(incident)
    assert CANARY not in repr(masked)
    assert mask_incident(INCIDENT) == INCIDENT
    assert (masked.dedup_key, masked.count, masked.first_seen_ms) == (INCIDENT.dedup_key, INCIDENT.count, INCIDENT.first_seen_ms)


@pytest.mark.parametrize(
    "unit",
    [
        "password",
        "password=",
        "4111 ",
        "a://b:",
        "bearer ",
        "-----BEGIN PRIVATE KEY-----",
        "eyJaaaaa.",
        "token: ",
        "://x@",
        "--secret ",
    ],
)
def test_hostile_text_costs_linear_time(unit: str) -> None:
    """64 KiB of a prefix that almost matches is masked in a fraction of a second."""
    text = (unit * 65_536)[:65_536]
    began = time.process_time()
    mask(text)
    assert time.process_time() - began < 2
