"""Words for what a broker or the network said. They hold no secret, and nothing that a broker could have put into its answer."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from errno import ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENETUNREACH

from aiokafka import errors

from detector.errors import NoCredential
from detector.settings import KafkaSinkSettings, KafkaSourceSettings

_SEVERAL = re.compile(r"\[Errno (\d+)\]")  # asyncio folds what several addresses of a name said into one text

_NETWORK = {
    ECONNREFUSED: "nothing listens there",
    EHOSTUNREACH: "no route to that host",
    ENETUNREACH: "no route to that network",
    ECONNRESET: "the connection was reset; is this a port for Kafka, and for TLS if `tls` is true?",
}
_CLOSED = "the broker closed the connection; does this port ask for SASL or TLS, or is the broker just stopping?"
_BY_KIND: dict[type[BaseException], str] = {
    errors.SaslAuthenticationFailed: "user or password is wrong",
    errors.AuthenticationFailedError: "user or password is wrong",
    errors.UnsupportedSaslMechanismError: "the broker does not offer this `sasl` mechanism on this port",
    errors.IllegalSaslStateError: "this port does not ask who we are; leave out `sasl`, or use the port for SASL",
    errors.TopicAuthorizationFailedError: "we have no right to the topic",
    errors.GroupAuthorizationFailedError: "we have no right to the consumer group (READ on the group)",
    errors.ClusterAuthorizationFailedError: "we have no right to write (WRITE on a topic, or IDEMPOTENT_WRITE at the cluster)",
    errors.TransactionalIdAuthorizationFailed: "we have no right to the transactional id",
    errors.UnknownTopicOrPartitionError: "the topic is not there",
    errors.InvalidTopicError: "no topic may be called so",
    errors.MessageSizeTooLargeError: "the record is larger than the topic takes (max.message.bytes)",
    errors.RecordListTooLargeError: "the record is larger than a segment of the topic",
    errors.InvalidTimestampError: "the topic takes no record of this time (message.timestamp.before/after.max.ms)",
    errors.NotEnoughReplicasError: "too few replicas are in step (min.insync.replicas)",
    errors.NotEnoughReplicasAfterAppendError: "too few replicas are in step (min.insync.replicas)",
    errors.PolicyViolationError: "a policy of the broker forbids it",
    errors.KafkaStorageError: "the broker has trouble with its disk",
    errors.UnsupportedVersionError: "the broker is too old for us",
    errors.IncompatibleBrokerVersion: "the broker is too old for us",
    errors.UnsupportedForMessageFormatError: "the topic's message format is too old for us",
    errors.InvalidSessionTimeoutError: "the broker does not take this session_timeout (group.min/max.session.timeout.ms)",
    errors.InvalidGroupIdError: "the broker does not take this group name",
    errors.InconsistentGroupProtocolError: "the group has members of another kind",
    errors.NodeNotReadyError: "the broker is away",
    errors.StaleMetadata: "the broker is away",
    errors.LeaderNotAvailableError: "the partition has no leader just now",
    errors.NotLeaderForPartitionError: "the partition's leader is changing",
    errors.GroupCoordinatorNotAvailableError: "there is no coordinator just now",
    errors.GroupLoadInProgressError: "the coordinator is starting",
    errors.NotCoordinatorForGroupError: "the coordinator is changing",
    errors.RequestTimedOutError: "no answer in time",
    errors.KafkaTimeoutError: "no answer in time",
    TimeoutError: "no answer in time",
    asyncio.TimeoutError: "no answer in time",
    AssertionError: "the answer is none that Kafka gives",
    NotImplementedError: "the broker speaks no version of the protocol that we speak",
}


def why(error: BaseException) -> str:
    """What went wrong, for a person. Says the host only where it is what is wrong: the caller knows whom it called."""
    if isinstance(error, NoCredential):
        return str(error)
    if isinstance(error, ssl.SSLError | socket.gaierror | ConnectionError | EOFError) or type(error) is OSError:
        return _network(error)
    for kind in type(error).__mro__:
        if kind in _BY_KIND:
            return _BY_KIND[kind]
    if isinstance(error, errors.KafkaConnectionError):
        return why(error.__cause__) if error.__cause__ is not None else "no broker can be reached"
    if isinstance(error, errors.BrokerResponseError):
        return f"the broker answers {error.message or type(error).__name__} ({error.errno})"
    return type(error).__name__


def field_of(error: Exception, settings: KafkaSourceSettings | KafkaSinkSettings) -> str:
    """Which field a person would look at first."""
    if isinstance(error, errors.KafkaConnectionError) and isinstance(error.__cause__, Exception):
        return field_of(error.__cause__, settings)
    if isinstance(error, NoCredential):
        return str(error).partition(":")[0].partition(",")[0]
    words = why(error)
    if isinstance(error, errors.SaslAuthenticationFailed | errors.AuthenticationFailedError):
        return "password" if settings.password is not None and settings.password.file is None else "password_file"
    if isinstance(error, errors.UnsupportedSaslMechanismError | errors.IllegalSaslStateError):
        return "sasl"
    named = re.search(r"`(ca_file|cert_file|tls)", words)
    return named[1] if named and (named[1] != "tls" or settings.tls or "set `tls" in words) else "servers"


def _network(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(error)
    if isinstance(error, ssl.SSLError):
        return _tls(error)
    if isinstance(error, socket.gaierror):
        return (
            "the name is not known" if error.errno in (socket.EAI_NONAME, socket.EAI_NODATA) else "the name does not resolve now"
        )
    if isinstance(error, asyncio.IncompleteReadError):
        return _instead_of_kafka(error)
    if isinstance(error, ConnectionResetError):
        return _NETWORK[ECONNRESET]
    if isinstance(error, EOFError):
        return _CLOSED
    numbers = [getattr(error, "errno", None), *map(int, _SEVERAL.findall(str(error)))]
    return next((_NETWORK[n] for n in numbers if n in _NETWORK), getattr(error, "strerror", None) or type(error).__name__)


def _certificate(error: ssl.SSLCertVerificationError) -> str:
    said = getattr(error, "verify_message", "it cannot be checked")
    if getattr(error, "verify_code", None) in (62, 64):  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
        return f"the broker's certificate is for another name: {said}"
    return f"the broker's certificate is not trusted: {said}; name whom to trust in `ca_file`"


def _tls(error: ssl.SSLError) -> str:
    reason = (getattr(error, "reason", None) or type(error).__name__).upper()
    if "WRONG_VERSION_NUMBER" in reason or "RECORD_LAYER_FAILURE" in reason or "HTTP_REQUEST" in reason:
        return "what answers speaks no TLS; leave out `tls`, or use the port for TLS"
    if "CERTIFICATE_REQUIRED" in reason or "BAD_CERTIFICATE" in reason:
        return "the broker asks for a certificate of ours that it trusts (`cert_file`, `key_file`)"
    if "UNKNOWN_CA" in reason or "CERTIFICATE_UNKNOWN" in reason or "CERTIFICATE_EXPIRED" in reason:
        return "the broker does not trust our certificate (`cert_file`)"
    if "UNEXPECTED_EOF" in reason or "EOF" in reason:
        return "the broker closed the connection while TLS was agreed; is this the port for TLS?"
    return f"TLS failed: {reason}"


def _instead_of_kafka(error: asyncio.IncompleteReadError) -> str:
    """Kafka's answers begin with their length in four bytes: what another protocol says there is a length nobody sends."""
    begin = (error.expected or 0).to_bytes(4, "big")
    if begin[0] in (0x15, 0x16) and begin[1] == 3:
        return "what answers speaks TLS; set `tls: true`, or use the port without TLS"
    if begin == b"HTTP":
        return "what answers speaks HTTP: this is no Kafka broker"
    if begin.isascii() and begin.decode().isprintable():
        return "what answers does not speak Kafka's protocol"
    return _CLOSED
