"""A broker that grants nothing by itself and asks for a certificate: for who may do what, and how they prove who they are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka.conn import create_conn
from aiokafka.protocol.admin import CreateAclsRequest, DescribeAclsRequest

from tests.services.certificates import Certificates
from tests.services.kafka import Kafka
from tests.services.shared import shared_server

RESOURCES = {"topic": 2, "group": 3, "cluster": 4}
OPERATIONS = {"READ": 3, "WRITE": 4, "DESCRIBE": 8, "DESCRIBE_CONFIGS": 10, "IDEMPOTENT_WRITE": 12}

_LITERAL, _ALLOW = 3, 3


@pytest.fixture(scope="session")
def strict_kafka(run_folder: Path, certificates: Certificates) -> Kafka:
    """Its plain listener is for the superuser, its TLS listener for clients with a certificate. On the plain SASL listener there
    is no SCRAM-SHA-512."""
    return shared_server(
        run_folder,
        "strict-kafka",
        lambda folder: Kafka(
            folder,
            certificates,
            allow_everyone_if_no_acl_found="false",
            listener_name_tls_ssl_client_auth="required",
            listener_name_sasl_sasl_enabled_mechanisms="PLAIN,SCRAM-SHA-256",
        ),
    )


def grant(broker: Kafka, principal: str, operation: str, resource: str, name: str) -> None:
    """From now on the principal may, from everywhere. Returns when the broker knows."""
    _by_the_superuser(broker, _Right(RESOURCES[resource], name, principal, OPERATIONS[operation]))


@dataclass(frozen=True)
class _Right:
    resource: int
    name: str
    principal: str
    operation: int

    def as_arguments(self) -> tuple[int, str, int, str, str, int, int]:
        return (self.resource, self.name, _LITERAL, self.principal, "*", self.operation, _ALLOW)


def _by_the_superuser(broker: Kafka, right: _Right) -> None:
    async def ask() -> None:
        host, _, port = broker.address.rpartition(":")
        link = await create_conn(host, int(port))
        (made,) = (await link.send(CreateAclsRequest(*right.as_arguments()))).creation_responses
        assert made[0] == 0, made
        async with asyncio.timeout(20):
            while not (await link.send(DescribeAclsRequest(*right.as_arguments()))).resources:
                await asyncio.sleep(0.02)
        link.close()

    asyncio.run(ask())
