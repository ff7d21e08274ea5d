"""What a receiver's answer means: taken, try again (and when), or give up."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

from detector.errors import SinkError

LONGEST_WAIT_S = 86_400.0
_LATER = frozenset({408, 425, 429})


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


def refused(who: str, status: int, retry_after: str | None, said: str, now_ms: int) -> SinkError:
    """The error for an answer that is no 2xx. `said` is a masked, shortened excerpt of the body."""
    reason, retryable = _meaning(status)
    text = f"{who} answered {status}" + (f": {said}" if said else "")
    return SinkError(
        text, retryable=retryable, reason=reason, retry_after_s=retry_after_s(retry_after, now_ms) if retryable else None
    )


def _meaning(status: int) -> tuple[str, bool]:
    if status == 429:
        return "rateLimited", True
    if status >= 500:
        return "serverError", True
    if status in (401, 403, 407):
        return "authError", False
    # Redirects are not followed: where a receiver sends us is not where the settings do.
    return "clientError", status in _LATER
