"""Level patterns: a line that is WARN or worse in its layout gives a mark. They find too much; the decoded level decides.

Like the rules' scan forms they may begin with the newline before a line but never take the one after it.
"""

from __future__ import annotations

# Words of levels as libraries spell them, WARN or worse, any case; a prefix is enough (`warn` stands for `warning`).
_WORDS = r"(?i:warn|wrn|err|eror|fail|fat|ftl|crt|crit|d?pan[ic]|alert|alrt|emerg|emrg|sev)"
# Numbers of levels: syslog 0..4, pino 40.., Monolog 300.., Logback 30000...
_NUMBERS = r"(?:[0-4][^0-9.\n]|[4-9][0-9][^0-9\n]|[3-9][0-9]{2}[^0-9\n]|[3-9][0-9]{4})"
# A quote as JSON nested up to twice prints it.
_QUOTE = r"\\{0,3}\""
_COLON = r"[ \t]?:[ \t]?"
# What colours a word on a terminal, as it stands or escaped.
_ESCAPE = r"(?:\x1b|\\{1,3}u001[bB])\[[0-9;]{1,16}m"
_START = r"(?:^|[\n\x22 ])"

_SYSLOG_PRIORITIES = "|".join(str(priority) for priority in range(192) if priority % 8 <= 4)

LOUD: tuple[str, ...] = (
    # upper case, anywhere that is no part of a longer upper-case word: most text layouts, most JSON
    r"(?:^|[^A-Z_])(?:WARN|ERROR|FATAL|SEVERE|CRIT|D?PANIC|ALERT|EMERG)",
    # zerolog, Serilog and logrus on a terminal: ERR WRN FTL PNC, ERRO[0000]
    r"(?:^|[^A-Z_])(?:ERR|WRN|FTL|PNC|ERRO|CRT)[^A-Za-z0-9_\n]",
    # "level":"error", "log.level": "warn", "severity":"Error", "@l":"Fatal", "levelname":"CRITICAL", "LogLevel":"Error"
    rf"(?:[Ll]evel|LEVEL|lvl|[Ss]everity|@l|priority)[A-Za-z_]{{0,5}}{_QUOTE}{_COLON}{_QUOTE}{_WORDS}",
    # the same as a number; OTLP counts 13..24
    rf"(?:[Ll]evel|[Ss]everity|PRIORITY|priority)[A-Za-z_]{{0,6}}{_QUOTE}{_COLON}(?:{_QUOTE})?{_NUMBERS}",
    rf"severityNumber{_QUOTE}{_COLON}(?:{_QUOTE})?(?:1[3-9]|2[0-4])",
    r"PRIORITY=[0-4]",
    # logfmt
    rf"(?:level|lvl|severity|LEVEL)=(?:{_QUOTE})?{_WORDS}",
    # [error] [core:error] [Warning] [critical] [warning  ]
    rf"\[(?:[a-z0-9_]{{1,32}}:)?{_WORDS}[A-Za-z]{{0,6}}[ \t]{{0,8}}\]",
    # zap's console: fields between tabs, as a byte or escaped
    rf"(?:\t|\\t){_WORDS}[a-z]{{0,6}}(?:\t|\\{{1,3}}t)",
    # .NET console, winston, Python's default
    rf"{_START}(?:{_ESCAPE})?(?:fail|crit|warn|warning|error|emerg|alert|fatal)(?:{_ESCAPE}){{0,2}}:",
    # klog and glog: W0514 09:31:07
    rf"{_START}[WEF][01][0-9][0-3][0-9] [0-2][0-9]:[0-5][0-9]:",
    # Ruby: E, [2024-
    r"[WEF], \[[0-9]",
    # MongoDB "s":"E"
    rf"\x22s{_QUOTE}{_COLON}{_QUOTE}[FEW]{_QUOTE}",
    # redis: 1:M 14 May 2024 09:31:07.123 # Warning
    r":[0-9]{2}(?:\.[0-9]{3})? # ",
    r"PHP (?:Fatal|Parse|Warning|Recoverable|Core|Compile)",
    # syslog
    rf"{_START}<(?:{_SYSLOG_PRIORITIES})>",
    # klog as JSON has no level, an error has its key; Kubernetes events have a type
    rf"\x22err{_QUOTE}{_COLON}",
    rf"\x22type{_QUOTE}{_COLON}{_QUOTE}Warning",
    # what a runtime prints before it dies has no level at all
    r"(?:^|\n|\x22| )(?:panic: |Traceback \(most recent call last\)|Exception in thread |Unhandled exception|fatal error: )",
)
