"""The rows: each prints what it measured beside its bound and says whether the bound was kept."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench import latency
from tests.bench.bench import Bench, told
from tests.bench.elasticsearch_rows import elasticsearch_row
from tests.bench.ingest_rows import lines_windows_row, remote_write_windows_row
from tests.bench.kafka_rows import kafka_row
from tests.bench.measure import Run, median, ours, ripgrep, run_for_cpu
from tests.bench.points_rows import points_row, remote_write_row
from tests.bench.signal_history import signal_history_row
from tests.bench.verdict_command_row import verdicts_row


@dataclass(frozen=True, slots=True)
class Trio:
    """Medians of runs made in turn, and what the last told: ours, ripgrep with the patterns as written, ripgrep helped."""

    ours_s: float
    written_s: float
    helped_s: float
    ours: Run
    rg: Run

    @property
    def ratio(self) -> float:
        """How many times as fast as ripgrep with the same patterns."""
        return self.written_s / self.ours_s

    @property
    def ratios(self) -> str:
        return f"{self.ratio:.2f}x rg, {self.helped_s / self.ours_s:.2f}x rg helped"

    @property
    def seconds(self) -> str:
        return f"{self.ours_s:.3f} s, rg {self.written_s:.3f} s, helped {self.helped_s:.3f} s"


def compare(bench: Bench, job: str, log: Path, count: int) -> Trio:
    written, helped = bench.patterns(count, False), bench.patterns(count, True)
    mine, theirs = ours(job, log, count, bench.cache), ripgrep(helped, log)  # fills page cache and rule cache
    spent: tuple[list[float], list[float], list[float]] = ([], [], [])
    for _ in range(bench.rounds):
        mine, theirs = ours(job, log, count, bench.cache), ripgrep(written, log)
        spent[0].append(mine.told["cpu_s"])
        spent[1].append(theirs.cpu_s)
        spent[2].append(ripgrep(helped, log).cpu_s)
    return Trio(median(spent[0]), median(spent[1]), median(spent[2]), mine, theirs)


def scan_row(bench: Bench) -> bool:
    """Rule scan over a plain file, several sizes; the slow-down from 50 to 500."""
    log, kept, seconds = bench.log(), True, {}
    for count in (50, 200, 500):
        pair = compare(bench, "scan", log, count)
        seconds[count] = pair.ours_s
        is_kept = pair.ratio >= 3 and pair.ours.told["lines"] >= pair.rg.told
        bound = "3x rg, 200 rules" if count == 200 else "-"
        what = f"{pair.ratios}  ({pair.seconds}; {_mb(log, pair.ours_s)}; "
        what += f"{pair.ours.told['patterns']} patterns; candidate lines {pair.ours.told['lines']}, rg {pair.rg.told})"
        kept &= told(f"scan, {count} rules", bound, is_kept or count != 200, what)
    slower = seconds[500] / seconds[50]
    return told("50 to 500 rules", "slower by < 1.3x", slower < 1.3, f"{slower:.2f}x") and kept


def pipeline_row(bench: Bench) -> bool:
    """File to findings in the store."""
    log = bench.log()
    pair = compare(bench, "pipeline", log, 200)
    is_kept = pair.ratio >= 1 and pair.ours.told["hits"] >= pair.rg.told
    return told("pipeline, plain", "as fast as rg", is_kept, _pipeline_text(log, pair))


def noisy_row(bench: Bench) -> bool:
    """13 % WARN lines: each is decoded and grouped."""
    log = bench.log(warn_share=0.13)
    pair = compare(bench, "pipeline", log, 200)
    return told("pipeline, 13 % WARN", "-", True, _pipeline_text(log, pair))


def layouts_row(bench: Bench) -> bool:
    """Docker, CRI and ECS against plain, in bytes a second; what rg misses for escapes."""
    speeds, kept = {}, True
    for layout in ("plain", "docker", "cri", "ecs"):
        log = bench.log(layout)
        pair = compare(bench, "pipeline", log, 200)
        speeds[layout] = log.stat().st_size / pair.ours_s
        share = pair.ours.told["events"] / pair.ours.told["lines"]
        of_plain = speeds[layout] / speeds["plain"]
        planted = bench.lines // 2000
        is_kept = of_plain >= 0.7 and share <= 0.02 and pair.ours.told["hits"] >= planted
        what = f"{of_plain:.2f} of plain, {share:.2%} decoded, {planted} planted: {_pipeline_text(log, pair)}"
        kept &= told(f"pipeline, {layout}", "0.7 of plain, <= 2 % decoded, all", is_kept, what)
    return kept


def storm_row(bench: Bench) -> bool:
    """An application that fails all the time."""
    kept = True
    for every, floor in ((10, 500_000), (1, 100_000)):
        lines = bench.lines // 10 if every == 1 else bench.lines // 2
        log = bench.log(lines=lines, hit_every=every, warn_share=0.0)
        runs = [ours("pipeline", log, 200, bench.cache) for _ in range(bench.rounds)]
        rate = lines / median([run.told["cpu_s"] for run in runs])
        is_kept = rate >= floor and runs[0].told["hits"] == lines // every
        what = f"{rate:,.0f} lines/s, {runs[0].told['hits']} of {lines // every} found, {1e6 / rate:.1f} us a line"
        kept &= told(f"storm, each {every}. line", f"{floor:,} lines/s", is_kept, what)
    return kept


def fallback_row(bench: Bench) -> bool:
    """Without Hyperscan."""
    log = bench.log(lines=bench.lines // 10)
    run, fast = ours("pipeline", log, 200, bench.cache, "re2"), ours("pipeline", log, 200, bench.cache)
    what = f"{_mb(log, run.told['cpu_s'])}, {run.told['hits']} hits; with it {fast.told['hits']}"
    return told("pipeline, RE2 sets", "same hits", run.told["hits"] == fast.told["hits"], what)


def steady_row(bench: Bench) -> bool:
    """10 k lines a second with 500 rules: CPU and memory."""
    log = bench.log(lines=bench.lines // 5)
    runs = [ours("steady", log, 500, bench.cache, 10_000) for _ in range(bench.rounds)]
    share = median([run.told["cpu_s"] / run.told["stream_s"] for run in runs])
    rss, idle = median([run.told["rss_mb"] for run in runs]), median([run.told["idle_mb"] for run in runs])
    kept = told("CPU at 10 k lines/s", "< 5 % of a core", share < 0.05, f"{share:.2%}")
    kept &= told("resident, 10 k lines/s", "64 MB", rss <= 64, f"{rss:.1f} MB (the bench's own rule making included)")
    return told("resident, idle", "48 MB", idle <= 48, f"{idle:.1f} MB before the first line") and kept


def start_row(bench: Bench) -> bool:
    """From the process's start to the first line judged, by the wall, with the built-in rules."""
    line = bench.folder / "one-line.log"
    line.write_text("2026-07-03T13:00:00.000Z ERROR 1 --- [main] a.B : java.lang.ClassNotFoundException: a.B\n")
    command = [str(Path(sys.executable).parent / "trimwatch"), "replay", "--json", str(line)]
    kept, home = True, bench.folder / "start-cache"
    environment = {"XDG_CACHE_HOME": str(home), "HOME": str(home)}
    for name, limit in (("start, cold", 0.5), ("start, cached", 0.3)):
        took, spent = [], []
        for _ in range(bench.rounds):
            _until_compiled(home)
            if name == "start, cold":
                shutil.rmtree(home, ignore_errors=True)
            began = time.monotonic()
            run = run_for_cpu(command, environment=environment)
            took.append(time.monotonic() - began)
            spent.append(run.cpu_s)
            assert b'"hits":1' in run.told
        kept &= told(
            name, f"< {limit} s", median(took) < limit, f"{median(took):.3f} s by the wall, {median(spent):.3f} s of CPU"
        )
    return kept


def latency_row(bench: Bench) -> bool:
    """The real daemon: a line is written, its alert arrives."""
    with tempfile.TemporaryDirectory() as folder:
        found = latency.measure(Path(folder), 10_000, 15.0)
    p99 = found.took_s[int(len(found.took_s) * 0.99)] if found.took_s else float("inf")
    middle = median(found.took_s) if found.took_s else float("inf")
    what = f"P99 {p99 * 1000:.0f} ms, median {middle * 1000:.0f} ms, {len(found.took_s)} of {found.planted} arrived"
    kept = told("line to alert", "P99 < 100 ms", p99 < 0.1 and len(found.took_s) == found.planted, what)
    kept &= told("daemon, CPU", "< 5 % of a core", found.cpu_share < 0.05, f"{found.cpu_share:.2%} at 10 k lines/s")
    return told("daemon, resident peak", "64 MB", found.rss_mb <= 64, f"{found.rss_mb:.1f} MB") and kept


def _until_compiled(home: Path) -> None:
    """The child of the last cold start may still be at work."""
    deadline = time.monotonic() + 30
    while list(home.glob("*/*.part")) and time.monotonic() < deadline:
        time.sleep(0.1)


def _pipeline_text(log: Path, pair: Trio) -> str:
    run = pair.ours.told
    return (
        f"{pair.ratios}  ({pair.seconds}; {_mb(log, pair.ours_s)}; hits {run['hits']}, rg "
        f"{pair.rg.told}; {run['loud']} loud; {run['rss_mb']} MB)"
    )


def _mb(log: Path, seconds: float) -> str:
    return f"{log.stat().st_size / seconds / 1e6:,.0f} MB/s"


ROWS: dict[str, Callable[[Bench], bool]] = {
    "scan": scan_row,
    "pipeline": pipeline_row,
    "noisy": noisy_row,
    "layouts": layouts_row,
    "storm": storm_row,
    "fallback": fallback_row,
    "steady": steady_row,
    "start": start_row,
    "latency": latency_row,
    "kafka": kafka_row,
    "elasticsearch": elasticsearch_row,
    "points": points_row,
    "remote-write": remote_write_row,
    "remote-write-windows": remote_write_windows_row,
    "lines-windows": lines_windows_row,
    "signal-history": signal_history_row,
    "verdicts": verdicts_row,
}
