"""The registry of formats."""

from __future__ import annotations

import subprocess
import sys
from typing import get_type_hints

import pytest

from detector.core.decode.metrics import DECODERS, decoder_of
from detector.settings.tree import KafkaSourceSettings


def test_the_settings_name_every_format() -> None:
    """And no other, beside those of logs."""
    formats = get_type_hints(KafkaSourceSettings)["format"].__args__
    assert set(DECODERS) == {name for name in formats if not name.endswith("logs")}


@pytest.mark.parametrize("name", ["telegraf", "metricbeat"])
def test_protobuf_is_imported_for_otlp_alone(name: str) -> None:
    """It would be six megabytes in every daemon; so would it by importing the daemon."""
    code = f"""
import sys, detector.app, detector.core.decode.metrics as metrics
metrics.decoder_of({name!r})
print([each for each in sys.modules if each.startswith(("google.protobuf", "opentelemetry"))])
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize("name", DECODERS)
def test_a_decoder_refuses_in_words(name: str) -> None:
    """Whatever lies in the topic."""
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        decoder_of(name)(b"<html>", 0)
