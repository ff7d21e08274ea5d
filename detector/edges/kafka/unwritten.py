"""Whether what a broker refused may be tried again, in the words of SinkError."""

from __future__ import annotations

import ssl

from aiokafka import errors

from detector.errors import NoCredential, SinkError

# What a topic says to the one record; others may pass.
REFUSALS = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError, errors.InvalidTimestampError)

_AUTHENTICATION = (
    errors.SaslAuthenticationFailed,
    errors.AuthenticationFailedError,
    errors.AuthenticationMethodNotSupported,
    errors.UnsupportedSaslMechanismError,
    errors.IllegalSaslStateError,
)
_AUTHORISATION = (
    errors.TopicAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.TransactionalIdAuthorizationFailed,
)
_NEVER = (errors.InvalidTopicError, errors.UnsupportedVersionError, errors.UnsupportedForMessageFormatError)
_AWAY = (errors.KafkaConnectionError, errors.NodeNotReadyError, errors.StaleMetadata, OSError, EOFError)
_NO_KAFKA = (ssl.SSLError, errors.CorrelationIdError, AssertionError, ValueError)


def unwritten(error: BaseException, message: str) -> SinkError:
    """A missing topic is tried again: brokers that start, or that just made it, do not know it yet. A wrong password or a missing
    right is not: the fallback has to hear of it now, and a certificate is not our word but the broker's."""
    reason, retryable = _meaning(error)
    return SinkError(message, retryable=retryable, reason=reason)


def _meaning(error: BaseException) -> tuple[str, bool]:
    if isinstance(error, NoCredential):
        return "authError", True  # its file may come back
    if isinstance(error, _AUTHENTICATION + _AUTHORISATION):
        return "authError", False
    if isinstance(error, REFUSALS + _NEVER):
        return "clientError", False
    if isinstance(error, errors.UnknownTopicOrPartitionError):
        return "clientError", True
    if isinstance(error, TimeoutError | errors.RequestTimedOutError | errors.KafkaTimeoutError):
        return "contextDeadlineExceeded", True
    if isinstance(error, _AWAY + _NO_KAFKA):
        return "connectionError", True
    return "serverError", True
