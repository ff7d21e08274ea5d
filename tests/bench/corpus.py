"""Logs to measure on: made from a seed, so that two runs see the same bytes; kept between runs."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

LOGGERS = (
    "c.a.shop.order.OrderController",
    "o.s.w.servlet.DispatcherServlet",
    "com.zaxxer.hikari.pool.HikariPool",
    "o.a.k.c.consumer.KafkaConsumer",
    "c.a.shop.cart.CartService",
)
MESSAGES = (
    "checkOrder id={n} took {m} ms",
    "GET /api/v1/items/{n} 200 {m}ms",
    "Fetched {m} rows from table orders for tenant t{n}",
    "Cache hit for key item:{n}",
    "Committed offset {n} for partition orders-{m}",
    "User u{n} logged in from 10.1.{m}.7",
    "Pool stats (total=10, active={m}, idle=3, waiting=0), request {n}",
    "Completed 200 OK in {m}ms, bytes={n}",
)
HITS = (
    "java.lang.ClassNotFoundException: com.vendor.pkg{a}.Driver{b}",
    'alpha-broker: cannot open "catalogue" file /opt/data/{a}/{b}.bin: <missing>',
    "Could not load gateway 'path/to=plug&in{a}' (no such plugin)",
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """`hit_every`: one line in so many is one that rules find (0: none). `warn_share`: how many others are WARN."""

    layout: str
    lines: int
    hit_every: int = 2000
    warn_share: float = 0.005
    things: int = 50

    @property
    def name(self) -> str:
        return f"{self.layout}-{self.lines}-{self.hit_every}-{self.warn_share}-{self.things}"


@dataclass(frozen=True, slots=True)
class _Line:
    time: str
    level: str
    thread: str
    logger: str
    message: str


def _plain(line: _Line) -> bytes:
    return f"{line.time} {line.level:>5} 1 --- [{line.thread}] {line.logger:40s} : {line.message}\n".encode()


def _cri(line: _Line) -> bytes:
    return line.time[:-1].encode() + b"456789Z stdout F " + _plain(line)


def _docker(line: _Line) -> bytes:
    return orjson.dumps({"log": _plain(line).decode(), "stream": "stdout", "time": line.time}) + b"\n"


def _ecs(line: _Line) -> bytes:
    fields = {"@timestamp": line.time, "log.level": line.level, "message": line.message, "process.thread.name": line.thread}
    return orjson.dumps({**fields, "log.logger": line.logger, "service.name": "shop", "ecs.version": "1.2.0"}) + b"\n"


def _zap(line: _Line) -> bytes:
    """The leanest JSON in wide use: about 165 bytes a line here."""
    fields = {"level": line.level.lower(), "ts": line.time, "logger": line.logger, "msg": line.message, "thread": line.thread}
    return orjson.dumps(fields) + b"\n"


LAYOUTS: dict[str, Callable[[_Line], bytes]] = {"plain": _plain, "cri": _cri, "docker": _docker, "ecs": _ecs, "zap": _zap}


def corpus(recipe: Recipe, folder: Path) -> Path:
    """The log's path; written when it is not there yet."""
    path = folder / f"{recipe.name}-{zlib.crc32(repr((MESSAGES, HITS)).encode()):08x}.log"
    if path.exists():
        return path
    part = path.with_suffix(".part")
    with part.open("wb", buffering=1 << 20) as out:
        out.writelines(map(LAYOUTS[recipe.layout], _lines(recipe)))
    part.rename(path)
    return path


def _lines(recipe: Recipe) -> Iterator[_Line]:
    chance = random.Random(7)
    for i in range(recipe.lines):
        is_hit = recipe.hit_every and i % recipe.hit_every == recipe.hit_every - 1
        level = "ERROR" if is_hit else "WARN" if chance.random() < recipe.warn_share else "INFO"
        if is_hit:
            message = HITS[i // recipe.hit_every % len(HITS)].format(a=i % 7, b=i // 3 % recipe.things)
        else:
            message = chance.choice(MESSAGES).format(n=chance.randrange(10**7), m=chance.randrange(900))
        at_ms = i // 10
        time = f"2026-07-03T{13 + at_ms // 3_600_000:02d}:{at_ms // 60_000 % 60:02d}:{at_ms // 1000 % 60:02d}.{at_ms % 1000:03d}Z"
        yield _Line(time, level, f"nio-8080-exec-{chance.randrange(20)}", chance.choice(LOGGERS), message)
