"""Who we say we are to an HTTP server, and whom we believe. Secrets and certificates are read anew when they are asked for."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass

from detector.edges.tls import tls_context
from detector.errors import NoCredential
from detector.settings import Secret
from detector.settings.scraping import Credentials


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
        return tls_context(self.ca_file, self.cert_file, self.key_file)


def access_of(settings: Credentials, *, allow_private: bool = True) -> Access:
    """As settings say it."""
    return Access(
        token=settings.token,
        username=settings.username,
        password=settings.password,
        ca_file=settings.ca_file,
        cert_file=settings.cert_file,
        key_file=settings.key_file,
        allow_private=allow_private,
    )


def _revealed(secret: Secret, field: str) -> str:
    try:
        text = secret.reveal().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NoCredential(f"{field}: its file cannot be read: {type(error).__name__}") from None
    if not text or not text.isprintable():
        raise NoCredential(f"{field}: is empty, or holds what no header may")
    return text
