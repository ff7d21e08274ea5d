"""Settings on their way to a process of ours: some sections as JSON, secrets in the clear, so it goes through a pipe and never to
a file, an argument or the environment."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from detector import documents
from detector.documents.fields import FaultList
from detector.errors import BadSettings
from detector.settings.reader import FROM_ENVIRONMENT, FaultyTree, SettingsReader, hints_of
from detector.settings.tree import Settings
from detector.settings.values import Secret, Size, spelled

Json = Any  # what JSON holds; mypy has no name for it


def handed(settings: Settings, sections: Iterable[str]) -> Mapping[str, Json]:
    """These sections, as `taken` reads them. A secret that stands in a file is handed on as that file's name."""
    return {name: _plain(getattr(settings, name)) for name in sections}


def taken(content: Mapping[str, Json]) -> Settings:
    """The settings that were handed over; what was not has its default. Raises BadSettings."""
    faults = FaultList("settings handed over")
    try:
        settings = SettingsReader(faults, {}).tree(Settings, _node(content))
    except FaultyTree:
        raise BadSettings(sorted(faults.faults)) from None
    if faults.faults:
        raise BadSettings(sorted(faults.faults))
    return settings


def _plain(value: object) -> Json:
    if isinstance(value, timedelta):
        return spelled(value)
    if isinstance(value, Size):
        return value.bytes
    if isinstance(value, StrEnum):
        return value.value
    if dataclasses.is_dataclass(value):
        hints = hints_of(typing.cast(Any, type(value)))
        named = ((field.name, getattr(value, field.name), hints[field.name]) for field in dataclasses.fields(value))
        return dict(_named(*each) for each in named)
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _named(name: str, value: object, kind: object) -> tuple[str, Json]:
    if isinstance(value, Secret):
        return (name, value.value) if value.file is None else (f"{name}_file", value.file)
    if kind == tuple[tuple[str, str], ...]:
        return name, dict(typing.cast(tuple[tuple[str, str], ...], value))
    return name, _plain(value)


def _node(value: Json) -> documents.Node:
    """On no line of any file: `${...}` in it is text, as it is in the environment."""
    if isinstance(value, Mapping):
        entries = (documents.Entry(key, FROM_ENVIRONMENT, _node(each)) for key, each in value.items())
        return documents.Mapping(tuple(entries), FROM_ENVIRONMENT)
    if isinstance(value, list):
        return documents.Items(tuple(_node(each) for each in value), FROM_ENVIRONMENT)
    if isinstance(value, str):
        return documents.Scalar(value, FROM_ENVIRONMENT, is_plain=False)
    word = "null" if value is None else "true" if value is True else "false" if value is False else str(value)
    return documents.Scalar(word, FROM_ENVIRONMENT)
