"""Settings and rules looked at before anything starts: every fault of both, without touching the network."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from detector import documents
from detector.core.ruleset.load import RuleFile, load_rules
from detector.core.ruleset.spec import Rule
from detector.documents import line_at, read_document, read_file
from detector.documents.fields import FaultList, unknown
from detector.edges.kafka.tls import tls_context
from detector.edges.rule_files import builtin_rule_files, rule_files
from detector.edges.sinks.problems import problems_of
from detector.errors import BadInput, BadSettings, Fault, NoCredential
from detector.settings import KafkaSinkSettings, KafkaSourceSettings, RuleSettings, Settings, SignalSettings, load_settings
from detector.settings.reader import FaultyTree, SettingsReader
from detector.settings.values import Secret
from detector.signal_loading import signal_faults

T = TypeVar("T")
Problem = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Checked:
    """`settings` is None where they could not be read; `rules` are those that are right; `located` finds a field's line."""

    settings: Settings | None
    rules: tuple[Rule, ...]
    faults: tuple[Fault, ...]
    located: Located


def check_setup(path: str | None, environ: Mapping[str, str]) -> Checked:
    """All faults of the settings file (None: the defaults) and of the rules and signals it names; these are looked at even where
    other settings are wrong."""
    name = path or "settings"
    faults: list[Fault] = []
    text, settings = b"", None
    try:
        text = read_file(path) if path is not None else b""
        settings = load_settings(name, text, environ)
        faults += outside_faults(name, text, settings)
    except BadInput as bad:
        faults += bad.faults
    chosen = settings.rules if settings is not None else _part_of(RuleSettings(), "rules", name, text, environ)
    signals = settings.signals if settings is not None else _part_of(SignalSettings(), "signals", name, text, environ)
    located = Located(name, text)
    rules, rule_faults = _check_rules(located, chosen)
    told = [each if isinstance(each, Fault) else located.fault(*each) for each in signal_faults(signals)]
    return Checked(settings, rules, tuple(dict.fromkeys((*faults, *rule_faults, *told))), located)


def load_whole_settings(path: str, text: bytes, environ: Mapping[str, str]) -> Settings:
    """As `load_settings`, but addresses and files are looked at too. Raises BadSettings."""
    settings = load_settings(path, text, environ)
    faults = outside_faults(path, text, settings)
    if faults:
        raise BadSettings(faults)
    return settings


def outside_faults(path: str, text: bytes, settings: Settings) -> list[Fault]:
    """What is wrong with settings that read well: addresses no sink may call, files that cannot be read."""
    located = Located(path, text)
    return [located.fault(field, problem) for field, problem in _outside_problems(settings)]


class Located:
    """Finds the line of a field in the settings file."""

    def __init__(self, path: str, text: bytes) -> None:
        self.path = path
        self.document: documents.Node | None = None
        with contextlib.suppress(BadInput):
            self.document = read_document(path, text)

    def fault(self, field: str, problem: str) -> Fault:
        return Fault(self.path, line_at(self.document, field) if self.document else 1, field, problem)


def _sink_problems(settings: Settings) -> Iterator[Problem]:
    for at, sink in enumerate(settings.sinks):
        for field, problem in problems_of(sink):
            yield f"sinks.{at}.{field}", problem


def _outside_problems(settings: Settings) -> Iterator[Problem]:
    yield from _sink_problems(settings)
    unreadable = list(_file_problems(settings))
    yield from unreadable or _certificate_problems(settings)


def _certificate_problems(settings: Settings) -> Iterator[Problem]:
    """What certificate files hold: for Kafka, whose clients would find out late, and for what we serve."""
    ingest = settings.ingest
    if ingest.cert_file is not None and ingest.key_file is not None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(ingest.cert_file, ingest.key_file)
        except (OSError, ValueError):
            yield "ingest.cert_file", f"{ingest.cert_file!r} and {ingest.key_file!r} are no certificate with its key"
    for path, part in _parts(settings):
        if isinstance(part, KafkaSourceSettings | KafkaSinkSettings) and part.tls:
            try:
                tls_context(part)
            except NoCredential as error:
                fields, _, problem = str(error).partition(": ")
                yield f"{path}.{fields.partition(',')[0]}", problem


def _parts(settings: Settings) -> Iterator[tuple[str, object]]:
    yield "api", settings.api
    yield "ingest", settings.ingest
    yield "elasticsearch", settings.elasticsearch
    yield from ((f"sources.{at}", source) for at, source in enumerate(settings.sources))
    yield from ((f"sinks.{at}", sink) for at, sink in enumerate(settings.sinks))


def _file_problems(settings: Settings) -> Iterator[Problem]:
    """Secrets and certificates that a file should hold."""
    for path, part in _parts(settings):
        for name in getattr(part, "__slots__", ()):
            value = getattr(part, name)
            is_secret = isinstance(value, Secret)
            file = value.file if is_secret else value if name.endswith("_file") else None
            if file is not None and not os.access(file, os.R_OK):
                yield f"{path}.{name}{'_file' if is_secret else ''}", f"{file!r} cannot be read"


def _part_of(part: T, field: str, path: str, text: bytes, environ: Mapping[str, str]) -> T:
    """What the document says about rules or signals although something else in it is wrong; `part` holds the defaults."""
    try:
        root = read_document(path, text)
        entry = root.get(field) if isinstance(root, documents.Mapping) else None
        return SettingsReader(FaultList(path), environ).tree(type(part), entry.value if entry else None, field)
    except (BadInput, FaultyTree):
        return part


def _check_rules(settings: Located, chosen: RuleSettings) -> tuple[tuple[Rule, ...], list[Fault]]:
    files: list[RuleFile] = []
    faults: list[Fault] = []
    own: set[str] = set()
    if chosen.builtin:
        files, faults = _gathered(builtin_rule_files)
    for at, folder in enumerate(chosen.paths):
        found, missing = _gathered(partial(rule_files, folder))
        files += found
        own.update(file.id for file in found)
        for fault in missing:
            is_folder = fault.field == "rules.paths"
            faults.append(settings.fault(f"rules.paths.{at}", f"{folder!r} {fault.problem}") if is_folder else fault)
    faults += [settings.fault(field, problem) for field, problem in _unknown_names(chosen, {file.id for file in files})]
    kept = [file for file in files if not chosen.packs or file.id in own or file.id.partition("/")[0] in chosen.packs]
    rules: dict[str, Rule] = {}
    for file in kept:
        try:
            rules.update({rule.id: rule for rule in load_rules([replace(file, is_tested=False)])})
        except BadInput as bad:
            faults += bad.faults
    return tuple(rules.values()), faults


def _gathered(read: Callable[[], list[RuleFile]]) -> tuple[list[RuleFile], list[Fault]]:
    try:
        return read(), []
    except BadInput as bad:
        return [], bad.faults


def _unknown_names(chosen: RuleSettings, known: Collection[str]) -> Iterator[Problem]:
    """Muted rules and chosen packs that are not there."""
    packs = sorted({rule.partition("/")[0] for rule in known})
    for field, what, words, there in (("mute", "rule", chosen.mute, sorted(known)), ("packs", "pack", chosen.packs, packs)):
        for at, word in enumerate(words):
            if word not in there:
                yield f"rules.{field}.{at}", unknown(what, word, there)
