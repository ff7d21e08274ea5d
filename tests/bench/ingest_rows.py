"""What is pushed, through to windows: a request's content in, cells of signals out, samples a CPU second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from detector.core.decode.metrics import line_protocol
from detector.core.decode.metrics.remote_write import RemoteWrite
from detector.core.signals.catalogue import load_signals
from detector.core.signals.definition import SignalDefinition
from detector.core.signals.flow import SignalFlow
from detector.edges.signal_files import builtin_signal_files
from detector.records import MetricPoint
from tests.bench.bench import Bench, told
from tests.unit.core.decode.metrics import written

REMOTE_WRITE, LINES = 500_000, 200_000
BEGIN_MS, STEP_MS, ROUNDS = 1_700_000_010_000, 15_000, 24
Samples = list[tuple[float, int]]
Rows = list[tuple[list[tuple[str, str]], Samples]]
Decode = Callable[[bytes], "list[MetricPoint] | tuple[MetricPoint, ...]"]


def remote_write_windows_row(bench: Bench) -> bool:
    """Requests of 2,000 series, a scrape each. Of the Spring shop's two fifths are asked for, of the others each goes into two
    signals."""
    kept = True
    makers = {"a Spring shop": spring, "all asked for": asked, "zeros": zeros, "holes": holes, "two samples each": two_samples}
    for version in ("1.0", "2.0"):
        write = written.first if version == "1.0" else _second
        for name, maker in makers.items():
            requests = [write(rows) for rows in map(maker, range(ROUNDS))]
            kept &= _row(bench, f"remote write {version}, {name}", REMOTE_WRITE, "samples", requests, _decoder(version), 0)
    return kept


def lines_windows_row(bench: Bench) -> bool:
    """Lines as k6 writes them, a second of 2,000 a request, and what Telegraf makes of a scrape of 2,000 series."""
    kept = True
    for name, maker, every_ms in (("k6", k6_lines, 1000), ("Telegraf", telegraf_lines, STEP_MS)):
        requests = [maker(BEGIN_MS + at * every_ms) for at in range(ROUNDS)]
        kept &= _row(bench, f"line protocol, {name}", LINES, "lines", requests, _lines, requests[0].count(b"\n"))
    return kept


def _row(bench: Bench, name: str, bound: int, unit: str, requests: list[bytes], decode: Decode, lines: int) -> bool:
    """The best of the rounds: other work on the machine only makes it slower. `lines` is how many are in a request, 0: its points
    count."""
    speed = max(_speed(requests, decode, lines) for _ in range(bench.rounds))
    return told(f"{name}, to windows", f"{bound:,} {unit} a CPU second", speed >= bound, f"{speed:,.0f}")


def _speed(requests: list[bytes], decode: Decode, lines: int) -> float:
    """The first few rounds are left out: series are new then, and nothing closes."""
    flow, count, cells, began = SignalFlow(_signals()), 0, 0, 0.0
    for at, request in enumerate(requests):
        if at == len(requests) // 3:
            count, began = 0, time.process_time()
        points = decode(request)
        flow.tick(1 + at * STEP_MS)  # or steps would wait for other streams
        flow.points(points, BEGIN_MS + at * STEP_MS + 1000)
        cells += len(flow.drain().cells)
        count += lines or len(points)
    took_s = time.process_time() - began
    flow.finish()
    assert cells + len(flow.drain().cells)
    return count / took_s


def _decoder(version: str) -> Decode:
    decoder = RemoteWrite()
    read = decoder.first if version == "1.0" else decoder.second
    return lambda request: read(request).points


def _lines(request: bytes) -> tuple[MetricPoint, ...]:
    points, errors = line_protocol.decode(request, "ns", BEGIN_MS)
    assert not errors
    return points


def _second(rows: Rows) -> bytes:
    return written.second(rows, 1)


def _signals() -> tuple[SignalDefinition, ...]:
    return load_signals(builtin_signal_files())


def asked(round_: int) -> Rows:
    """A hundred pods that answer to twenty addresses."""
    return _requests(round_, 0)


def zeros(round_: int) -> Rows:
    """A third of the values; Prometheus leaves them out on the wire."""
    return _requests(round_, 3)


def holes(round_: int) -> Rows:
    """Every fourth series is missing, another one each time."""
    return [row for at, row in enumerate(asked(round_)) if (at + round_) % 4]


def two_samples(round_: int) -> Rows:
    """A Prometheus that scrapes twice a step, or catches up."""
    return [(labels, [(value, at), (value + 1, at + STEP_MS // 2)]) for labels, ((value, at),) in asked(round_)]


def _requests(round_: int, zeros_of_ten: int) -> Rows:
    common = {"application": "orders", "exception": "None", "job": "kubernetes-pods", "method": "GET", "namespace": "shop"}
    rows: Rows = []
    for at in range(2000):
        pod = at // 20
        own = {"__name__": "http_server_requests_seconds_count", "instance": f"10.0.0.{pod}:8080", "pod": f"orders-7d9f-{pod}"}
        more = {"outcome": "SUCCESS", "status": "200", "uri": f"/api/{at % 20}"}
        value = 0.0 if at % 10 < zeros_of_ten else at * 1.25 + 2.0 * round_ + 1
        rows.append((sorted({**common, **own, **more}.items()), [(value, BEGIN_MS + STEP_MS * round_ + 137 * (pod % 20))]))
    return rows


def spring(round_: int) -> Rows:
    """Twenty pods with what Micrometer exposes: latencies in buckets, memory pools, connection pools, and much that nobody asks
    for."""
    rows: Rows = []
    for pod in range(20):
        base = {"application": "orders", "instance": f"10.0.0.{pod}:8080", "job": "kubernetes-pods", "namespace": "shop"}
        at = BEGIN_MS + round_ * STEP_MS + 137 * pod
        for name, labels, value in _exposed(round_):
            rows.append((sorted({**base, "pod": f"orders-7d9f-{pod}", "__name__": name, **labels}.items()), [(value, at)]))
    return rows


def _exposed(round_: int) -> Iterator[tuple[str, dict[str, str], float]]:
    for uri in ("/cart", "/order", "/pay"):
        labels = {"uri": uri, "method": "GET", "outcome": "SUCCESS", "status": "200", "exception": "None"}
        for place, le in enumerate(("0.01", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "+Inf")):
            yield "http_server_requests_seconds_bucket", {**labels, "le": le}, 10.0 * round_ * (place + 1)
        yield "http_server_requests_seconds_count", labels, 80.0 * round_
        yield "http_server_requests_seconds_sum", labels, 11.7 * round_
        yield "http_server_requests_seconds_max", labels, 0.31
    for pool, area in (("G1 Old Gen", "heap"), ("G1 Eden Space", "heap"), ("Metaspace", "nonheap"), ("CodeCache", "nonheap")):
        for name in ("used", "max", "committed"):
            yield f"jvm_memory_{name}_bytes", {"area": area, "id": pool}, 1e8 + 4096.0 * round_
    for name in ("active", "idle", "pending", "max", "min"):
        yield f"hikaricp_connections_{name}", {"pool": "main"}, 7.0
    for number in range(50):
        yield f"executor_pool_{number}_tasks", {"name": "applicationTaskExecutor"}, float(number * round_)


def k6_lines(begin_ms: int) -> bytes:
    lines = []
    for at in range(2000):
        tags = f"expected_response=true,method=GET,name=https://shop/api/{at % 20},proto=HTTP/1.1,scenario=default"
        rest = f"status={503 if at % 50 == 0 else 200},tls_version=tls1.3"
        name, value = ("http_req_duration", 100 + at % 97 * 3.17) if at % 2 else ("http_reqs", 1)
        lines.append(f"{name},{tags},{rest} value={value} {(begin_ms * 1000 + at * 500) * 1000}\n")
    return "".join(lines).encode()


def telegraf_lines(at_ms: int) -> bytes:
    lines = []
    for at in range(2000):
        tags = f"application=orders,instance=10.0.{at // 250}.{at % 250}:8080,method=GET,status=200,uri=/api/{at % 40}"
        lines.append(
            f"prometheus,{tags} http_server_requests_seconds_count={(at_ms - BEGIN_MS) / 1000 + at} {at_ms * 1_000_000}\n"
        )
    return "".join(lines).encode()
