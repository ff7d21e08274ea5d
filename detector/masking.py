"""Secrets that a log line, an address or an error text may carry, replaced by `***` before the text leaves for people.

Masking errs on the side of hiding: a word after `password=` goes whatever it is. It is linear in the text: every repeat is
bounded or excludes what follows it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from detector.records import Cause, Incident

MASK = "***"

_KEY = (
    r"(?:pass(?:word|wd|phrase|code)?|pwd|secret|api[_.-]?key|access[_.-]?key|secret[_.-]?key|private[_.-]?key|signing[_.-]?key"
    r"|encryption[_.-]?key|account[_.-]?key|routing[_.-]?key|integration[_.-]?key|client[_.-]?secret|credentials?"
    r"|session[_.-]?id|jsessionid|connection[_.-]?string|authorization)"
)
_VALUE = r"""(?:"[^"\n]{0,2000}"?|'[^'\n]{0,2000}'?|[^\s"'&,;]{1,2000})"""
_SCHEME = r"(?:(?:bearer|basic|digest|negotiate|token|apikey|aws4-hmac-sha256)\s{1,3})?"
_SAYS_NOTHING = re.compile(
    r"""["']?(?:\*{2,}|null|none|nil|undefined|true|false|missing|empty|\$\{.*|\{\{.*)?["']?""", re.I | re.S
)

_NAMED = re.compile(rf"""({_KEY}\\?["']?\s{{0,3}}(?:=>|[:=])\s{{0,3}}\\?{_SCHEME})({_VALUE})""", re.I)
_OPTION = re.compile(rf"(--?{_KEY}\s{{1,3}})([^\s-]\S{{0,2000}})", re.I)
_TOKEN = re.compile(rf"""(token\\?["']?\s{{0,3}}(?:=>|[:=])\s{{0,3}}\\?{_SCHEME})({_VALUE})""", re.I)
_SPOKEN = re.compile(r"\b((?:bearer|basic)\s{1,3})([\w+/.~=-]{8,4000})", re.I)
_IS_A_WORD = re.compile(r"[A-Z]?[a-z]{1,19}[.:]?")
_BEARER_OF_NOTHING = re.compile(r"authenti|authori|credential|challenge|realm", re.I)
_COOKIE = re.compile(r"(\b(?:set-)?cookie\s{0,3}[:=]\s{0,3})[^\n]{1,8000}", re.I)
_USERINFO = re.compile(r"(://)[^\s/@\"'<>]{1,500}@")
_QUERY = re.compile(r"([?&](?:key|sig|signature|code|auth|hmac|token|access_token|x-amz-[a-z-]{1,30})=)[^\s&\"'<>]{1,4000}", re.I)
_HOOK = re.compile(r"(hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/)[\w/+-]{1,300}", re.I)
_SHAPES = re.compile(
    r"\beyJ[\w-]{5,4000}\.[\w-]{2,8000}(?:\.[\w-]{0,2000}){0,3}"  # JWT, JWE
    r"|\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b"
    r"|\b(?:gh[pousr]_\w{20,300}|github_pat_\w{20,300}|gl(?:pat|dt|rt|cbt|ptt)-[\w-]{15,300})"
    r"|\bxox[a-z]-[\w-]{8,300}|\bxapp-[\w-]{8,300}"
    r"|\b[sr]k[-_](?:live|test|proj|ant|or)?[-_]?[\w-]{20,300}"
    r"|\bAIza[\w-]{30,60}|\bya29\.[\w-]{20,300}"
    r"|\bnpm_\w{30,60}|\bpypi-[\w-]{30,300}|\bdckr_pat_[\w-]{20,100}|\bhvs\.[\w-]{20,300}|\bSG\.[\w-]{10,60}\.[\w-]{10,100}"
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]{0,20000}(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
)
_DIGITS = re.compile(r"(?<![\w.])(?:[3-6]\d{3}|2[2-7]\d\d)(?:[ -]?\d){10,15}(?!\w)")
_CARD = re.compile(
    r"4\d{15}|4\d{18}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|5\d\d)\d{12}|35\d{14}"
)


def mask(text: str) -> str:
    """The text without passwords, tokens, keys, credentials in addresses, private keys and payment card numbers."""
    text = _SHAPES.sub(MASK, text)
    text = _COOKIE.sub(rf"\1{MASK}", text)
    text = _USERINFO.sub(rf"\1{MASK}@", text)
    text = _QUERY.sub(rf"\1{MASK}", text)
    text = _HOOK.sub(rf"\1{MASK}", text)
    text = _NAMED.sub(_mask_value, text)
    text = _OPTION.sub(_mask_value, text)
    text = _TOKEN.sub(_mask_token, text)
    text = _SPOKEN.sub(_mask_spoken, text)
    return _DIGITS.sub(_mask_card, text)


def mask_incident(incident: Incident) -> Incident:
    """The incident with every text masked that a log or a configuration line may have flowed into; identity and counts stay."""
    return replace(
        incident,
        title=mask(incident.title),
        entity=None if incident.entity is None else mask(incident.entity),
        fix=mask(incident.fix),
        explanation=mask(incident.explanation),
        evidence=tuple(replace(e, text=mask(e.text)) for e in incident.evidence),
        cause=None if incident.cause is None else _mask_cause(incident.cause),
    )


def mask_record(record: Any) -> Any:
    """A record as JSON has it, every text masked that a log may have flowed into; identity and counts stay."""
    if isinstance(record, Mapping):
        return {name: each if name in _IDENTITY else mask_record(each) for name, each in record.items()}
    if isinstance(record, list):
        return [mask_record(each) for each in record]
    if isinstance(record, str):
        return _mask_again(record) if len(record) <= _OFTEN_SEEN else mask(record)
    return record


# Titles and fixes come again with each finding of a rule: masking costs half a microsecond a character.
_OFTEN_SEEN = 300
_mask_again = functools.lru_cache(maxsize=512)(mask)
_IDENTITY = frozenset(
    {"dedup_key", "stream_key", "rule", "service", "source", "position", "receiver", "stage", "severity", "state"}
)


def _mask_cause(cause: Cause) -> Cause:
    return replace(cause, item=mask(cause.item), restore=mask(cause.restore))


def _mask_value(match: re.Match[str]) -> str:
    before, value = match.groups()
    return match.group() if _SAYS_NOTHING.fullmatch(value) else f"{before}{MASK}"


def _mask_token(match: re.Match[str]) -> str:
    """Parsers complain of tokens too (`unexpected token: then`): after a colon a plain word stays."""
    before, value = match.groups()
    if "=" not in before and _IS_A_WORD.fullmatch(value.strip("\"'")):
        return match.group()
    return _mask_value(match)


def _mask_spoken(match: re.Match[str]) -> str:
    before, value = match.groups()
    is_prose = _IS_A_WORD.fullmatch(value) if before[:2].lower() == "ba" else _BEARER_OF_NOTHING.match(value)
    return match.group() if is_prose else f"{before}{MASK}"


def _mask_card(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match.group())
    return MASK if _CARD.fullmatch(digits) and _has_luhn_digit(digits) else match.group()


def _has_luhn_digit(digits: str) -> bool:
    """ISO/IEC 7812: every second digit from the right doubled, digits of the products added up, divisible by ten."""
    doubled = sum(sum(divmod(2 * int(d), 10)) for d in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + doubled) % 10 == 0
