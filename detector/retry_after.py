"""The `Retry-After` header, which pagers and clusters answer with alike."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

LONGEST_WAIT_S = 86_400.0


def retry_after_s(header: str | None, now_ms: int) -> float | None:
    """Seconds to wait as a `Retry-After` header asks, from a number or an HTTP date; None where it says nothing usable. A date
    that is past means now; more than a day is taken as a day."""
    if header is None:
        return None
    header = header.strip()
    if re.fullmatch(r"\d{1,15}(\.\d{1,9})?", header):
        return min(float(header), LONGEST_WAIT_S)
    try:
        moment = parsedate_to_datetime(header)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now_ms / 1000
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(0.0, seconds), LONGEST_WAIT_S)
