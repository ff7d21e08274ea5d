"""Level names and numbers of every logging library on one scale."""

from __future__ import annotations

from detector.records import Level

_WORDS: dict[Level, str] = {
    Level.TRACE: "trace trce trc trac verbose vrb verb finest finer all silly entering exiting extra -8 -5",
    Level.DEBUG: "debug dbug dbg debu deb fine config conf debug1 debug2 debug3 debug4 debug5 d1 d2 d3 d4 d5",
    Level.INFO: "info information informational inf notice noti not ntc note log normal default http ok success audit system",
    Level.WARN: "warn warning wrn warni",
    Level.ERROR: "error err erro eror errr fail severe sev failure",
    Level.FATAL: "fatal ftl fata fatl critical crit crt criti panic pani panc dpanic alert alrt emerg emergency emrg",
}
_LETTERS = {"V": Level.TRACE, "T": Level.TRACE, "D": Level.DEBUG, "I": Level.INFO, "N": Level.INFO, "W": Level.WARN}
_LETTERS |= {"E": Level.ERROR, "F": Level.FATAL, "C": Level.FATAL, "A": Level.FATAL}
BY_NAME: dict[str, Level] = {word: level for level, words in _WORDS.items() for word in words.split()}
BY_TOKEN: dict[bytes, Level] = {
    token.encode(): level for word, level in BY_NAME.items() for token in (word, word.upper(), word.capitalize())
} | {letter.encode(): level for letter, level in _LETTERS.items()}
SYSLOG = (Level.FATAL, Level.FATAL, Level.FATAL, Level.ERROR, Level.WARN, Level.INFO, Level.INFO, Level.DEBUG)


def named(word: str) -> Level | None:
    """`ERROR`, `warn`, `E`, slog's `ERROR+2`, `err`; None for a word that is no level."""
    level = BY_NAME.get(word.strip().lower())
    if level is None and word:
        level = _LETTERS.get(word) or BY_NAME.get(word.strip().lower().rstrip("+-0123456789"))
    return level


def syslog(priority: int) -> Level | None:
    """0 emergency .. 7 debug, as in syslog and the journal; larger numbers carry the facility above them."""
    return SYSLOG[priority & 7] if 0 <= priority < 1024 else None


def opentelemetry(number: object) -> Level | None:
    """1 trace .. 24 fatal, four steps a level."""
    known = (Level.TRACE, Level.DEBUG, Level.INFO, Level.WARN, Level.ERROR, Level.FATAL)
    return known[(number - 1) // 4] if isinstance(number, int) and 1 <= number <= 24 else None


def pino(number: float) -> Level | None:
    """10 trace .. 60 fatal, as bunyan and pino count."""
    steps = ((60, Level.FATAL), (50, Level.ERROR), (40, Level.WARN), (30, Level.INFO), (20, Level.DEBUG))
    return next((level for bound, level in steps if number >= bound), Level.TRACE)


def logback(number: float) -> Level | None:
    """5000 trace .. 40000 error, as Logback's `level_value`."""
    steps = ((50000, Level.FATAL), (40000, Level.ERROR), (30000, Level.WARN), (20000, Level.INFO), (10000, Level.DEBUG))
    return next((level for bound, level in steps if number >= bound), Level.TRACE)


def monolog(number: float) -> Level | None:
    """100 debug .. 600 emergency, as PHP's Monolog and Google Cloud count."""
    steps = ((500, Level.FATAL), (400, Level.ERROR), (300, Level.WARN), (200, Level.INFO), (100, Level.DEBUG))
    return next((level for bound, level in steps if number >= bound), Level.TRACE)


def numbered(number: float) -> Level | None:
    """A number whose scale its own size tells: below 8 syslog, below 100 pino, below 1000 Monolog, else Logback."""
    if not 0 <= number < 1e6:
        return None
    if number < 8:
        return syslog(int(number))
    return pino(number) if number < 100 else monolog(number) if number < 1000 else logback(number)
