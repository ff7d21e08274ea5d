"""Calls brokers one by one: aiokafka's clients fold what kept them from each of several into one error without a reason."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from aiokafka.conn import AIOKafkaConnection, create_conn, get_ip_port_afi
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from detector.edges.kafka.connection import KafkaSettings, connection

# What a connection alone is given; the rest is the clients'.
_NOT_OF_A_CONNECTION = ("bootstrap_servers", "metadata_max_age_ms")


@contextlib.asynccontextmanager
async def called(host: str, port: int, arguments: Mapping[str, Any]) -> AsyncIterator[AIOKafkaConnection]:
    """A connection to one broker, after TLS and SASL; closed at the end. `arguments` are `connection`'s. Raises OSError,
    KafkaError, TimeoutError, EOFError and what else a broker that is none provokes."""
    link = await create_conn(host, port, **{name: value for name, value in arguments.items() if name not in _NOT_OF_A_CONNECTION})
    try:
        yield link
    finally:
        link.close()


async def refusals(settings: KafkaSettings) -> dict[str, Exception]:
    """The servers that did not tell us who is in their cluster, each with the reason; all are asked at once. Raises
    NoCredential."""
    arguments = await asyncio.to_thread(connection, settings)
    said = await asyncio.gather(*(_asked(server, arguments) for server in settings.servers))
    return {server: error for server, error in zip(settings.servers, said, strict=True) if error is not None}


async def _asked(server: str, arguments: Mapping[str, Any]) -> Exception | None:
    try:
        async with called(*place_of(server), arguments) as link:
            await link.send(MetadataRequest([]))
    except Exception as error:  # a stranger on that port may provoke anything
        return error
    return None


def place_of(server: str) -> tuple[str, int]:
    """Host and port of a server as the settings have it."""
    host, port, _ = get_ip_port_afi(server)
    return host, port


def most_telling(errors: Sequence[Exception]) -> Exception:
    """Of several, one that a broker gave itself rather than the network."""
    return next((error for error in errors if isinstance(error, KafkaError)), errors[0])
