"""Whom we trust and what we show them, with words for what is wrong with the files."""

from __future__ import annotations

import ssl

from detector.errors import NoCredential


def tls_context(ca_file: str | None, cert_file: str | None, key_file: str | None) -> ssl.SSLContext:
    """Trusts `ca_file` alone where there is one; the server's name is always compared with its certificate. Raises NoCredential,
    whose text begins with the field."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:
        raise NoCredential(f"ca_file: {_unusable(error, 'certificate')}") from None
    if cert_file is not None:
        try:
            context.load_cert_chain(cert_file, key_file, password=_no_prompt)
        except (OSError, ValueError) as error:
            raise NoCredential(f"cert_file, key_file: {_unusable(error, 'certificate with its key')}") from None
    return context


def _no_prompt() -> str:
    """OpenSSL would ask a terminal for the passphrase."""
    raise ValueError("the key is encrypted; give it without a passphrase")


def _unusable(error: Exception, wanted: str) -> str:
    if isinstance(error, ssl.SSLError):
        return f"holds no usable {wanted} in PEM ({error.reason or 'unreadable'})"
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    return str(error)
