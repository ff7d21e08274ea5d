"""Level patterns: a line that is WARN or worse in its layout gives a mark. They find too much; the decoded level decides.

They follow what the decoding takes for a level, and a property test holds the two together. Like the rules' scan forms they may
begin with the newline before a line but never take the one after it, and none may lack a text that is rare in a quiet log.
"""

from __future__ import annotations

# A quote as JSON nested up to twice prints it, and the space that JSON allows around a colon.
_QUOTE = r"\\{0,3}\x22"
_COLON = r"[ \t]{0,4}:[ \t]{0,4}"
# What colours a word on a terminal, and angle brackets: as they stand, or as JSON escapes them.
_COLOUR = r"(?:\x1b|\\{1,3}u001[bB])\[[0-9;]{1,16}m"
_OPEN = r"(?:[\[<(]|\\{1,3}u003[cC])"
_CLOSE = r"(?:[\]>)/]|\\{1,3}u003[eE])"
_TAB = r"(?:\t|\\{1,3}t)"
_START = r"(?:^|[\n\x22 |:,\]\t-]|\\{1,3}[nt])"

# Words of levels as libraries spell them. In a place that is nothing but a level's, a beginning is enough.
_BEGINNING = r"(?i:warn|wrn|err|eror|fail|fat|ftl|crt|crit|d?pan[ic]|alert|alrt|emerg|emrg|sev)"
_LOWER = r"(?i:warn(?:ing)?|err(?:or)?|fatal|crit(?:ical)?|severe|alert|emerg|d?panic|fail)"
_WHOLE = (
    r"(?i:warn(?:ing|i)?|wrn|erro?r?|eror|fatal|fata|ftl|crit(?:ical|i)?|crt|d?panic|alert|emerg(?:ency)?|severe|fail(?:ure)?)"
)

# Numbers of levels: syslog 0..4, pino 40.., Monolog 300.., Logback 30000...
_NUMBER = r"(?:[0-4][^0-9.\n]|[4-9][0-9][^0-9\n]|[3-9][0-9]{2}[^0-9\n]|[3-9][0-9]{4})"
_SYSLOG_PRIORITIES = "|".join(str(priority) for priority in range(192) if priority % 8 <= 4)

# Keys of JSON that hold a level, and what may stand between key and word: a nested object, a colour.
_KEY = r"(?:[Ll]evel|LEVEL|lvl|[Ss]everity|@l|label|PRIORITY|priority|tags)[A-Za-z_]{0,6}" + _QUOTE + _COLON
_INTO = rf"(?:[\[{{] ?(?:{_QUOTE}(?:name|level){_QUOTE}{_COLON})?)?"

LOUD: tuple[str, ...] = (
    # upper case, anywhere that is no part of a longer upper-case word: most text layouts, most JSON
    r"(?:^|[^A-Z_])(?:WARN|ERROR|FATAL|SEVERE|CRIT|D?PANIC|ALERT|EMERG|FAILURE)",
    # the short forms of zerolog, Serilog and logrus: ERR WRN FTL PNC, ERRO[0000]
    r"(?:^|[^A-Z_])(?:ERR|WRN|FTL|PNC|ERRO|EROR|CRT|CRI|FATA|PAN[IC])[^A-Za-z0-9_\n]",
    # "level":"error", "log.level": "warn", "@l":"Fatal", "level":{"name":"error"}, "level":"E"; and as a number
    rf"{_KEY}{_INTO}{_QUOTE}(?:{_COLOUR}){{0,4}}(?:{_BEGINNING}|[AWEFC]{_QUOTE})",
    rf"{_KEY}{_INTO}(?:{_QUOTE})?{_NUMBER}",
    rf"severityNumber{_QUOTE}{_COLON}(?:{_QUOTE})?(?:1[3-9]|2[0-4])",
    r"PRIORITY=[0-4]",
    # logfmt
    rf"(?:level|lvl|severity|LEVEL)=(?:{_QUOTE})?{_BEGINNING}",
    # [error] [core:error] <Error> (warning) [warning  ] [Error/main]
    rf"{_OPEN}[ \t]{{0,4}}(?:{_COLOUR}){{0,4}}(?:[\w.-]{{1,64}}:)?{_WHOLE}[ \t]{{0,8}}(?:{_COLOUR}){{0,4}}[ \t]{{0,4}}{_CLOSE}",
    # a word in its place: .NET and winston `fail:`, zap's tabs, loguru's bars, `error  message`, `error logger : message`
    rf"{_START}(?:{_COLOUR}){{0,4}}{_LOWER}(?:{_COLOUR}){{0,4}}(?::|{_TAB}|  | ?\||\[| - | {{1,4}}[\w.-]{{1,64}} : )",
    r"[0-9](?:,[0-9]{1,9})? (?:Warning|Error|Fatal)[\] ]",
    # one letter: klog W0514 09:31:07, Ruby E, [2024-, capnslog and Android ` E |` ` 12 E tag:`, tornado [E 240514, Liberty
    r"(?:^|[\n\x22 ]|\\{1,3}n)[WEF][0-9]{4,6} [0-2][0-9]:[0-5][0-9]:",
    r"[AWEFC], \[",
    r"[\n\x22 |:,\]\t-][WEFC](?: \||/[\w.]{1,60}[ (:])",
    r"[0-9] [WEFAC] ",
    r"\[[WEC] [0-9]",
    r"\] [0-9a-f]{8} [!-~]{1,80} {1,16}[WEF] ",
    # MongoDB "s":"E"; MySQL "prio":1; klog's JSON has no level, an error has its key; Kubernetes events have a type
    rf"\x22s{_QUOTE}{_COLON}{_QUOTE}[FEWC]",
    rf"\x22prio{_QUOTE}{_COLON}[1-9]",
    rf"\x22err{_QUOTE}{_COLON}",
    rf"\x22type{_QUOTE}{_COLON}{_QUOTE}Warning",
    # redis: 1:M 14 May 2024 09:31:07.123 # Warning
    r":[0-9]{2}(?:\.[0-9]{1,9})? # ",
    r"PHP (?:[A-Z][A-Za-z0-9_ ]{0,30})?(?i:fatal|error|warning)",
    # syslog
    rf"(?:^|[\n\x22 ])(?:<|\\{{1,3}}u003[cC])(?:{_SYSLOG_PRIORITIES})(?:>|\\{{1,3}}u003[eE])",
    # what a runtime prints before it dies has no level at all
    r"(?:^|[\n\x22 ])(?:panic: |Traceback \(most recent call last\)|Exception in thread |Unhandled exception|fatal error: )",
)
