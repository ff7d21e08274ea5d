"""What a sink proves itself with, read anew for each alert so that a rotated secret file is enough."""

from __future__ import annotations

from detector.errors import SinkError
from detector.settings import Secret


def revealed(secret: Secret, field: str) -> str:
    """The secret's text. Raises SinkError (try again: the file may come back) when it cannot be read or is empty."""
    try:
        text = secret.reveal().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SinkError(f"{field}: its file cannot be read: {type(error).__name__}", retryable=True, reason="authError") from None
    if not text:
        raise SinkError(f"{field}: is empty", retryable=True, reason="authError")
    return text


def bearer(token: Secret | None) -> tuple[tuple[str, str], ...]:
    """The header that carries the token; none without one."""
    return () if token is None else (("Authorization", f"Bearer {revealed(token, 'token')}"),)
