from __future__ import annotations

import subprocess
import sys

from detector.edges.mirror import mirrors_of
from detector.settings import ElasticsearchSettings, KafkaSinkSettings, Settings, StdoutSinkSettings


def test_only_what_the_settings_name_takes_from_the_feed() -> None:
    """Nobody by default; a cluster with an address, a Kafka sink with a topic of findings or verdicts; none shares a name."""
    plain = KafkaSinkSettings(type="kafka", servers=("k:9092",), name="plain")
    findings = KafkaSinkSettings(type="kafka", servers=("k:9092",), name="elasticsearch", findings_topic="f")
    verdicts = KafkaSinkSettings(type="kafka", servers=("k:9092",), name="b", verdicts_topic="v")
    assert mirrors_of(Settings(), "i") == []
    settings = Settings(
        sinks=(StdoutSinkSettings(type="stdout"), plain, findings, verdicts),
        elasticsearch=ElasticsearchSettings(urls=("http://127.0.0.1:1",)),
    )
    mirrors = mirrors_of(settings, "i")
    assert len({mirror.name for mirror in mirrors}) == len(mirrors) == 3
    assert [mirror.kinds for mirror in mirrors[1:]] == [frozenset({"finding"}), frozenset({"verdict"})]


def test_nobody_pays_for_a_mirror_that_is_not_there() -> None:
    """Without it the daemon loads neither elasticsearch-py nor aiohttp nor aiokafka."""
    heavy = {"aiohttp", "aiokafka", "elasticsearch", "elastic_transport"}
    code = f"import sys, detector.app; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
