"""Text and environment in; one frozen tree, or all errors at once, out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detector.documents import line_at, read_document
from detector.documents.fields import FaultList
from detector.errors import BadInput, BadSettings
from detector.settings.between import problems_between
from detector.settings.reader import FaultyTree, SettingsReader
from detector.settings.schema import schema_of
from detector.settings.tree import Settings


def load_settings(path: str, text: str | bytes, environ: Mapping[str, str]) -> Settings:
    """The settings of a file's text and an environment; empty text means the defaults. Raises BadSettings with all faults."""
    faults = FaultList(path)
    try:
        document = read_document(path, text)
        settings = SettingsReader(faults, environ).tree(Settings, document)
    except BadInput as bad:
        raise BadSettings(bad.faults) from None
    except FaultyTree:
        raise BadSettings(sorted(faults.faults)) from None
    for field, problem in problems_between(settings):
        faults.add(line_at(document, field), field, problem)
    if faults.faults:
        raise BadSettings(sorted(faults.faults))
    return settings


def settings_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a settings file; the fields' own documentation describes them."""
    return schema_of(Settings, "Trimwatch settings")
