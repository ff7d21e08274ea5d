"""What Slack says to a request: taken, or an error word in the body of a 200. https://docs.slack.dev/reference/methods/chat.postMessage"""

from __future__ import annotations

import re

import orjson

from detector.edges.sinks.conversation import Answer
from detector.edges.sinks.exchange import Request, excerpt_of
from detector.errors import SinkError
from detector.retry_after import retry_after_s

_TRY_AGAIN = {
    "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org",
    "rollup_error", "message_limit_exceeded",
}  # fmt: skip
_NOT_ALLOWED = {
    "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "no_permission", "missing_scope",
    "not_allowed_token_type", "ekm_access_denied", "enterprise_is_restricted", "access_denied", "invalid_token",
    "org_login_required", "team_access_not_granted", "action_prohibited", "posting_to_general_channel_denied",
    "two_factor_setup_required",
}  # fmt: skip
_GONE = {"message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found"}


class SlackRefusal(SinkError):
    """Slack's own word for why not. `is_gone`: the message that was to be updated cannot be any more."""

    def __init__(self, who: str, word: str, retry_after: float | None) -> None:
        reason = "rateLimited" if "limited" in word else "serverError" if word in _TRY_AGAIN else "clientError"
        super().__init__(
            f"{who}: {word}",
            retryable=word in _TRY_AGAIN,
            reason="authError" if word in _NOT_ALLOWED else reason,
            retry_after_s=retry_after,
        )
        self.is_gone = word in _GONE


def refuse_unless_told(answer: Answer, request: Request, now_ms: int) -> None:
    """Returns when Slack took the message: the body is `ok`, or JSON whose `ok` is true. Raises SlackRefusal with Slack's word
    for why not, or SinkError where the body is no answer of Slack's (a proxy's page, an answer that broke off): Slack itself may
    be there next time."""
    if answer.body.strip() == b"ok":
        return
    word = _word_in(answer.body)
    if word is None:
        return
    if re.fullmatch(r"[a-z_]{1,100}", word):
        raise SlackRefusal(str(request.target), word, retry_after_s(answer.retry_after, now_ms))
    said = excerpt_of(answer, request) or "nothing"
    raise SinkError(f"{request.target} answered {answer.status} and said {said}", retryable=True, reason="serverError")


def _word_in(body: bytes) -> str | None:
    """Slack's error word; None when it says ok; anything else as it stands."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace").strip()
    if not isinstance(said, dict):
        return ""
    return None if said.get("ok") is True else str(said.get("error", ""))
