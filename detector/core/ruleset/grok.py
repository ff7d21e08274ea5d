"""Grok's pattern names, expanded into RE2 syntax when a rule is loaded: `%{IP:addr}` is a named group.

The names are those of Logstash's core set; their bodies are written anew without look-around and atomic groups, which RE2 has
not, and therefore match a little more. https://github.com/logstash-plugins/logstash-patterns-core/tree/main/patterns/ecs-v1
"""

from __future__ import annotations

import difflib
import re

_REFERENCE = re.compile(r"%\{([A-Z][A-Z0-9_]*)(?::([^}:]*))?(?::[^}]*)?\}")
_MAX_DEPTH = 10
_MAX_EXPANDED = 4000

GROK = {
    "USERNAME": r"[a-zA-Z0-9._-]+",
    "USER": "%{USERNAME}",
    "EMAILADDRESS": r"[a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~.]{1,64}@%{HOSTNAME}",
    "INT": r"[+-]?[0-9]+",
    "BASE10NUM": r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)",
    "NUMBER": "%{BASE10NUM}",
    "BASE16NUM": r"[+-]?(?:0x)?[0-9A-Fa-f]+",
    "POSINT": r"[1-9][0-9]*",
    "NONNEGINT": r"[0-9]+",
    "WORD": r"\w+",
    "NOTSPACE": r"\S+",
    "SPACE": r"\s*",
    "DATA": r".*?",
    "GREEDYDATA": r".*",
    "QUOTEDSTRING": r"""(?:"(?:\\.|[^\\"])*"|'(?:\\.|[^\\'])*')""",
    "QS": "%{QUOTEDSTRING}",
    "UUID": r"[A-Fa-f0-9]{8}-(?:[A-Fa-f0-9]{4}-){3}[A-Fa-f0-9]{12}",
    "MAC": r"(?:[A-Fa-f0-9]{2}[:-]){5}[A-Fa-f0-9]{2}|(?:[A-Fa-f0-9]{4}\.){2}[A-Fa-f0-9]{4}",
    "IPV4": r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}",
    "IPV6": r"(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?:[0-9]{1,3}\.){3}[0-9]{1,3})?(?:%[0-9A-Za-z]+)?",
    "IP": "(?:%{IPV6}|%{IPV4})",
    "HOSTNAME": r"[0-9A-Za-z_][0-9A-Za-z_-]{0,62}(?:\.[0-9A-Za-z_][0-9A-Za-z_-]{0,62})*\.?",
    "IPORHOST": "(?:%{IP}|%{HOSTNAME})",
    "HOSTPORT": "%{IPORHOST}:%{POSINT}",
    "UNIXPATH": r"(?:/[\w_%!$@:.,+~-]*)+",
    "WINPATH": r"(?:[A-Za-z]:|\\)(?:\\[^\\?*\s]*)+",
    "PATH": "(?:%{UNIXPATH}|%{WINPATH})",
    "TTY": r"/dev/(?:pts|tty[pq]?)(?:\w+)?/?(?:[0-9]+)?",
    "URIPROTO": r"[A-Za-z][A-Za-z0-9+\-.]*",
    "URIHOST": "%{IPORHOST}(?::%{POSINT})?",
    "URIPATH": r"(?:/[A-Za-z0-9$.+!*'(){},~:;=@#%&_\-]*)+",
    "URIPARAM": r"\?[A-Za-z0-9$.+!*'|(){},~@#%&/=:;_?\-\[\]<>]*",
    "URIPATHPARAM": "%{URIPATH}(?:%{URIPARAM})?",
    "URI": "%{URIPROTO}://(?:%{USER}(?::[^@]*)?@)?(?:%{URIHOST})?(?:%{URIPATHPARAM})?",
    "MONTH": (
        r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?"
        r"|Aug(?:ust)?|Sep(?:tember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
    ),
    "MONTHNUM": r"(?:0?[1-9]|1[0-2])",
    "MONTHDAY": r"(?:0[1-9]|[12][0-9]|3[01]|[1-9])",
    "DAY": r"(?:Mon(?:day)?|Tue(?:sday)?|Wed(?:nesday)?|Thu(?:rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?)",
    "YEAR": r"[0-9]{2}(?:[0-9]{2})?",
    "HOUR": r"(?:2[0123]|[01]?[0-9])",
    "MINUTE": r"[0-5][0-9]",
    "SECOND": r"(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)?",
    "TIME": "%{HOUR}:%{MINUTE}(?::%{SECOND})?",
    "DATE_US": "%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}",
    "DATE_EU": "%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}",
    "DATE": "(?:%{DATE_US}|%{DATE_EU})",
    "ISO8601_TIMEZONE": "(?:Z|[+-]%{HOUR}(?::?%{MINUTE}))",
    "TIMESTAMP_ISO8601": "%{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}(?::?%{SECOND})?(?:%{ISO8601_TIMEZONE})?",
    "TZ": r"(?:[APMCE][SD]T|UTC)",
    "SYSLOGTIMESTAMP": "%{MONTH} +%{MONTHDAY} %{TIME}",
    "HTTPDATE": "%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}",
    "PROG": r"[\x21-\x5a\x5c\x5e-\x7e]+",
    "SYSLOGPROG": r"%{PROG:program}(?:\[%{POSINT:pid}\])?",
    "LOGLEVEL": r"(?i:trace|debug|notice|info(?:rmation)?|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal|severe|emerg|alert)",
    "JAVACLASS": r"(?:[a-zA-Z$_][a-zA-Z$_0-9]*\.)*[a-zA-Z$_][a-zA-Z$_0-9]*",
    "JAVAFILE": r"[a-zA-Z$_0-9. -]+",
    "JAVAMETHOD": r"(?:<(?:cl)?init>|[a-zA-Z$_][a-zA-Z$_0-9]*)",
    "JAVATHREAD": r"[A-Z]{2}-Processor[0-9]+",
}


class UnknownGrok(ValueError):
    """A grok reference that cannot be expanded; the text says why."""


def expand(pattern: str) -> str:
    """The pattern with each `%{NAME}` and `%{NAME:group}` written out. Raises UnknownGrok."""
    expanded = _expand(pattern, 0)
    if expanded != pattern and len(expanded) > _MAX_EXPANDED:
        raise UnknownGrok(f"grows to {len(expanded)} characters; at most {_MAX_EXPANDED}")
    return expanded


def _expand(pattern: str, depth: int) -> str:
    if depth > _MAX_DEPTH:
        raise UnknownGrok("grok names refer to each other without end")
    return _REFERENCE.sub(lambda reference: _body(reference, depth), pattern)


def _body(reference: re.Match[str], depth: int) -> str:
    name, group = reference[1], reference[2]
    if name not in GROK:
        close = difflib.get_close_matches(name, GROK, n=1)
        raise UnknownGrok(f"%{{{name}}} is no grok pattern" + (f"; did you mean %{{{close[0]}}}?" if close else ""))
    body = _expand(GROK[name], depth + 1)
    return f"(?P<{_group_name(group)}>{body})" if group else f"(?:{body})"


def _group_name(written: str) -> str:
    """`[source][ip]` as the ECS patterns write it is `source_ip`."""
    name = re.sub(r"\]\[", "_", written).strip("[]@")
    if not re.fullmatch(r"[A-Za-z_]\w*", re.sub(r"[.-]", "_", name)):
        raise UnknownGrok(f"{written!r} is no name for a group")
    return re.sub(r"[.-]", "_", name)
