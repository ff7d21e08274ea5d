"""Who we say we are to an HTTP server, and whom we believe. Secrets and certificates are read anew when they are asked for."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass

from detector.errors import NoCredential
from detector.settings import Secret


@dataclass(frozen=True, slots=True)
class Access:
    """`token`, or `username` and `password`, or neither. `allow_private`: loopback and private addresses may be connected to;
    link-local and metadata addresses never."""

    token: Secret | None = None
    username: str | None = None
    password: Secret | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    allow_private: bool = True

    def authorization(self) -> str | None:
        """The header's value. Raises NoCredential, whose text begins with the field."""
        if self.token is not None:
            return f"Bearer {_revealed(self.token, 'token')}"
        if self.username is not None and self.password is not None:
            pair = f"{self.username}:{_revealed(self.password, 'password')}"
            return "Basic " + base64.b64encode(pair.encode()).decode()
        return None

    def trust(self) -> ssl.SSLContext:
        """Raises NoCredential."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ValueError) as error:
            raise NoCredential(f"ca_file: {_unusable(error)}") from None
        if self.cert_file is not None:
            try:
                context.load_cert_chain(self.cert_file, self.key_file, password=_no_prompt)
            except (OSError, ValueError) as error:
                raise NoCredential(f"cert_file, key_file: {_unusable(error)}") from None
        return context


def _revealed(secret: Secret, field: str) -> str:
    try:
        text = secret.reveal().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NoCredential(f"{field}: its file cannot be read: {type(error).__name__}") from None
    if not text or not text.isprintable():
        raise NoCredential(f"{field}: is empty, or holds what no header may")
    return text


def _no_prompt() -> str:
    """OpenSSL would ask a terminal for the passphrase."""
    raise ValueError("the key is encrypted; give it without a passphrase")


def _unusable(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"holds nothing usable in PEM ({error.reason or 'unreadable'})"
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    return str(error)
