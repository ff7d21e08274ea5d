"""The inflection table of the source article, from the installed command, in each of its outputs: to the letter."""

from __future__ import annotations

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.acceptance.test_verdict import call, objects
from tests.services.installed import program

HEADER = "time,p99_ms,pool_idle,pool_idle_again,scrape_failures,kafka_lag\n"
BEFORE = HEADER + "2026-11-24T09:00:00Z,420,68,68,0.012,\n"
AFTER = HEADER + "2026-11-25T09:00:00Z,485,82,70,0.008,-20\n"
CONFIG = """\
p99_ms: {kind: latency, acceptable: +15%, layer: application}
pool_idle: {kind: share, acceptable: ">=+10pp", layer: application}
pool_idle_again: {kind: share, acceptable: ">=+10pp", layer: application}
scrape_failures: {kind: share, acceptable: +0.005pp, unit: "%", layer: monitoring}
kafka_lag: {kind: latency, acceptable: +100ms, layer: storage}
"""
HEADINGS = ["signal", "baseline", "after", "acceptable", "observed", "verdict"]
ROWS = [
    ["p99_ms", "420 ms", "485 ms", "+15%", "+15.5 %", "fail"],
    ["pool_idle_again", "68 %", "70 %", ">=+10pp", "+2 pp", "fail"],
    ["pool_idle", "68 %", "82 %", ">=+10pp", "+14 pp", "pass"],
    ["scrape_failures", "0.012 %", "0.008 %", "+0.005pp", "-0.004 pp", "pass"],
    ["kafka_lag", "-", "-", "+100ms", "-20 ms", "pass"],
]
MARKS = {"fail": "✗", "pass": "✓"}
SUMMARY = "5 signals: 2 failed, 0 inconclusive, 3 passed; point values compared, chance not considered."
ASKED = ("--before", "before.csv", "--after", "after.csv", "--config", "signals.yaml", "--strict")


@pytest.fixture
def article(tmp_path: Path) -> Path:
    for name, text in (("before.csv", BEFORE), ("after.csv", AFTER), ("signals.yaml", CONFIG)):
        (tmp_path / name).write_text(text)
    return tmp_path


def printed(folder: Path, output: str) -> str:
    done = call(folder, *ASKED, "-o", output)
    assert (done.returncode, done.stderr) == (1, "")
    return done.stdout


def test_on_a_terminal(article: Path) -> None:
    lines = [re.split(r"\s{2,}", line.strip()) for line in printed(article, "table").splitlines() if line.strip()]
    assert lines[0] == HEADINGS
    assert lines[2:7] == [[*row[:-1], f"{MARKS[row[-1]]} {row[-1]}"] for row in ROWS]
    assert lines[-1] == [SUMMARY]


def test_in_json(article: Path) -> None:
    """Numbers, percent as 15.5 and not 0.155, in the order of the file."""
    done = call(article, *ASKED, "--json")
    found = {one["signal"]: one for one in objects(done)}
    keys = ("baseline", "after", "acceptable", "observed", "unit", "verdict", "layer", "window", "interval")
    assert [[one[key] for key in keys] for one in found.values()] == [
        [420.0, 485.0, "+15%", pytest.approx(15.47619), "ms", "fail", "application", "all", None],
        [68.0, 82.0, ">=+10pp", 14.0, "%", "pass", "application", "all", None],
        [68.0, 70.0, ">=+10pp", 2.0, "%", "fail", "application", "all", None],
        [0.012, 0.008, "+0.005pp", -0.004, "%", "pass", "monitoring", "all", None],
        [None, None, "+100ms", -20.0, "ms", "pass", "storage", "all", None],
    ]


def test_in_markdown(article: Path) -> None:
    lines = printed(article, "markdown").splitlines()
    plain = [re.sub(r"\\(.)", r"\1", line).replace("**", "") for line in lines]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in plain if line.startswith("|")]
    assert cells[0] == [*HEADINGS, "reason"]
    assert [row[:6] for row in cells[2:]] == [[*row[:-1], f"{MARKS[row[-1]]} {row[-1]}"] for row in ROWS]
    assert cells[2][6] == "485 ms against 420 ms (+15.5 %), accepted +15%: beyond it: fail"
    assert lines[-1] == SUMMARY


class _Cells(HTMLParser):
    """Texts of table cells, row by row; and every address that would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.fetched: list[str] = []
        self._is_in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        self._is_in_cell = self._is_in_cell or tag in ("td", "th")
        if tag in ("td", "th"):
            self.rows[-1].append("")
        self.fetched += [value for name, value in attrs if name in ("src", "href", "srcset", "data", "action") and value]
        self.fetched += [tag] * (tag in ("script", "link", "iframe", "object", "embed", "img"))

    def handle_endtag(self, tag: str) -> None:
        self._is_in_cell = self._is_in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._is_in_cell:
            self.rows[-1][-1] += data


def cells_of(document: str) -> _Cells:
    cells = _Cells()
    cells.feed(document)
    return cells


def is_the_table(cells: _Cells) -> None:
    assert cells.rows[0] == [*HEADINGS, "before and after"]
    assert [row[:5] for row in cells.rows[1:]] == [row[:5] for row in ROWS]
    for row, wanted in zip(cells.rows[1:], ROWS, strict=True):
        assert row[5].startswith(f"{MARKS[wanted[-1]]} {wanted[-1]}")


def test_on_a_page(article: Path) -> None:
    """It has nothing that would be fetched, and forbids it besides."""
    document = printed(article, "html")
    cells = cells_of(document)
    is_the_table(cells)
    assert cells.fetched == []
    assert "url(" not in document
    assert "@import" not in document
    assert "default-src 'none'" in document
    assert SUMMARY in document


@pytest.mark.service
def test_a_real_browser_shows_the_page_without_a_network(article: Path) -> None:
    """Every address leads nowhere, and the browser complains of nothing."""
    (article / "page.html").write_text(printed(article, "html"))
    away = ("--proxy-server=127.0.0.1:9", "--host-resolver-rules=MAP * ~NOTFOUND")
    flags = (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-dev-shm-usage",
        "--enable-logging=stderr",
    )
    profile = f"--user-data-dir={article / 'profile'}"
    shown = subprocess.run(
        [program("chromium"), *flags, *away, profile, "--dump-dom", (article / "page.html").as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    cells = cells_of(shown.stdout)
    is_the_table(cells)
    assert shown.stdout.count("<svg") == len(ROWS)
    assert "CONSOLE" not in shown.stderr
    assert "Refused to" not in shown.stderr
