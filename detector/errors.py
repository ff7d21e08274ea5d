"""The error tree. What went wrong, never where.

TrimwatchError
├── BadInput            a file that people write is wrong; carries every fault at once
│   ├── BadSettings
│   └── BadRules
├── SinkError           a receiver did not take an alert; says whether to try again
├── StoreUnavailable    disk full, read-only, I/O error: nothing moved, try later
├── StoreDamaged        SQLite or a checksum reports damage while we run: end the process, the next start begins anew and says so
├── StoreTooNew         the database was written by a newer release: refuse to start
├── StoreInUse          another daemon holds the state directory
├── NoCredential        a certificate, key or password that a connection needs cannot be used now
├── SourceLost          a source is gone for good (not: away for a while)
└── NoSuchInput         what replay was asked to read is missing or unreadable; carries every name at once, a line each
"""

from __future__ import annotations

from dataclasses import dataclass


class TrimwatchError(Exception):
    """Everything we raise on purpose."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One problem in a file that people write; prints as `path:line: field: problem`."""

    path: str
    line: int
    field: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.field}: {self.problem}"


class BadInput(TrimwatchError):
    """Carries every fault that was found, in file order."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


class BadSettings(BadInput):
    pass


class BadRules(BadInput):
    pass


class SinkError(TrimwatchError):
    """A receiver did not take an alert.

    `reason` is one of clientError, serverError, authError, rateLimited, contextDeadlineExceeded, connectionError (the words of
    Alertmanager's own metric). `retry_after_s` is what the receiver asked for, if it did. `retryable` says whether the same
    request may succeed later; when to try is the outbox's to decide. `only_this` says that the receiver takes other alerts: what
    can wait made room for what cannot.
    """

    def __init__(
        self, message: str, *, retryable: bool, reason: str, retry_after_s: float | None = None, only_this: bool = False
    ) -> None:
        super().__init__(message)
        self.only_this = only_this
        self.retryable = retryable
        self.reason = reason
        self.retry_after_s = retry_after_s


class StoreUnavailable(TrimwatchError):
    pass


class StoreDamaged(TrimwatchError):
    pass


class StoreTooNew(TrimwatchError):
    pass


class StoreInUse(TrimwatchError):
    pass


class NoCredential(TrimwatchError):
    pass


class SourceLost(TrimwatchError):
    pass


class NoSuchInput(TrimwatchError):
    pass
