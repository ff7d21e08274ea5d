"""What a receiver's answer means: taken, try again (and when), or give up."""

from __future__ import annotations

from detector.errors import SinkError
from detector.retry_after import retry_after_s

_LATER = frozenset({408, 425, 429})


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
