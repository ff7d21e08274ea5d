"""The questions: what series there are, a value at a time, values over a range in as many requests as it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote, urlencode

from detector.edges.http.access import Access, access_of
from detector.edges.http.address import Target, target_of
from detector.edges.http.client import Answer, HttpClient
from detector.edges.prometheus.answers import Found, Refused, Said, joined, label_sets, names, said, series_of
from detector.settings.judging import PrometheusSettings

MOST_BYTES = 64 << 20
MOST_POINTS = 10_000  # a series and request; Prometheus refuses more than 11,000
_MOST_REQUESTS = 100
_FORM = (("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json"))
_PLAIN = (("Accept", "application/json"),)
_ASK_OTHERWISE = (405, 501)  # a proxy that lets no POST through

Fields = Sequence[tuple[str, str]]


class PrometheusApi:
    """One server; one question at a time. Every question raises Unanswered when there is no answer, and Refused for one that says
    no. `close` it. Raises ValueError when the address is none."""

    def __init__(self, url: str, access: Access | None = None, timeout_s: float = 30.0) -> None:
        self._target = target_of(url)
        if "?" in self._target.path:
            raise ValueError("the address of a Prometheus ends with its path")
        self._timeout_s = timeout_s
        self._client = HttpClient(access or Access(), MOST_BYTES)

    def __str__(self) -> str:
        return str(self._target)

    def close(self) -> None:
        self._client.close()

    async def query(self, expression: str, at_ms: int | None = None) -> Found:
        """Each series with the one value that it has at that time (now); a scalar is a series without labels."""
        when = [] if at_ms is None else [("time", _seconds(at_ms))]
        return series_of(await self._post("query", [("query", expression), *when]))

    async def query_range(self, expression: str, start_ms: int, end_ms: int, step_ms: int) -> Found:
        """Values at start, start + step, ... up to and with `end_ms`. A gap is a time without a value, not a zero. Also raises
        ValueError for a range that is none, or takes more than some hundred requests."""
        found = [
            series_of(
                await self._post(
                    "query_range",
                    [("query", expression), ("start", _seconds(begin)), ("end", _seconds(end)), ("step", _seconds(step_ms))],
                )
            )
            for begin, end in chunks(start_ms, end_ms, step_ms)
        ]
        return joined(found)

    async def series(self, matches: Sequence[str], start_ms: int, end_ms: int) -> tuple[tuple[Mapping[str, str], ...], Found]:
        """Label sets (the name is `__name__`) of series that had samples then, and an empty Found with the warnings."""
        return label_sets(await self._post("series", [*_matches(matches), *_between(start_ms, end_ms)]))

    async def label_values(self, label: str, matches: Sequence[str], start_ms: int, end_ms: int) -> tuple[tuple[str, ...], Found]:
        """Of `__name__`: which metrics there are. This one cannot be asked by POST, so the matches have to be short."""
        fields = [*_matches(matches), *_between(start_ms, end_ms)]
        return names(await self._get(f"label/{quote(label, '')}/values", fields))

    async def _post(self, path: str, fields: Fields) -> Said:
        target, body = self._below(path), urlencode(fields).encode()
        answer = await self._client.ask("POST", target, self._timeout_s, _FORM, body)
        if answer.status in _ASK_OTHERWISE:
            return await self._get(path, fields)
        return self._said(answer)

    async def _get(self, path: str, fields: Fields) -> Said:
        target = self._below(f"{path}?{urlencode(fields)}")
        return self._said(await self._client.ask("GET", target, self._timeout_s, _PLAIN))

    def _below(self, path: str) -> Target:
        return self._target.below(f"/api/v1/{path}")

    def _said(self, answer: Answer) -> Said:
        found = said(answer.body)
        if found is None:
            raise Refused("http", f"answered {answer.status}: {answer.excerpt or 'nothing more'}", answer.status)
        if found.error is not None:
            raise Refused(found.error[0], found.error[1], answer.status)
        return found


def api_of(settings: PrometheusSettings) -> PrometheusApi:
    """Raises ValueError when the settings' address is none."""
    if settings.url is None:
        raise ValueError("no address of a Prometheus is given")
    return PrometheusApi(settings.url, access_of(settings), settings.timeout.total_seconds())


def chunks(start_ms: int, end_ms: int, step_ms: int) -> Iterator[tuple[int, int]]:
    """First and last time of each request, on one grid. Raises ValueError."""
    if step_ms <= 0 or end_ms < start_ms:
        raise ValueError("a range ends after it begins, and goes on by steps")
    width = step_ms * (MOST_POINTS - 1)
    if (end_ms - start_ms) // (width + step_ms) >= _MOST_REQUESTS:
        raise ValueError(f"a range of more than {_MOST_REQUESTS * MOST_POINTS} steps; take longer ones")
    begin = start_ms
    while begin <= end_ms:
        yield begin, min(begin + width, end_ms)
        begin += width + step_ms


def _matches(matches: Sequence[str]) -> Fields:
    return [("match[]", match) for match in matches]


def _between(start_ms: int, end_ms: int) -> Fields:
    return [("start", _seconds(start_ms)), ("end", _seconds(end_ms))]


def _seconds(ms: int) -> str:
    return f"{ms // 1000}.{ms % 1000:03d}"
