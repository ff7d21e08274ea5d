"""The missing thing's name in one form: equal wherever the same thing is meant, however a runtime spells it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from detector.core.ruleset.spec import EntitySpec
from detector.records import Entity

# Kinds whose names are the same in any case.
_ANY_CASE = frozenset({"setting", "config_key", "charset", "locale", "host", "package", "cpu_feature"})
_CLASSES = frozenset({"class", "driver", "binding", "framework"})
_MAX_TOKEN = 512

_DESCRIPTOR = re.compile(r"\[*L([\w$/.-]+);?\Z")
_CLASS_FILE = re.compile(r"\.class\Z")
_PROXY_OR_LAMBDA = re.compile(r"(?:\$\$(?:Lambda|EnhancerBySpringCGLIB|SpringCGLIB|FastClassBySpringCGLIB)).*\Z")
_SEPARATORS = re.compile(r"[-_.]+")
_QUOTES = "'\"`‘’“” \t"


def entity_of(spec: EntitySpec, groups: Mapping[str, str]) -> Entity | None:
    """The entity a match names: the first filled group of the rule's list, else the fixed value. None where neither is there."""
    token = next((groups[name] for name in spec.from_groups if groups.get(name)), None) or spec.value
    if not token:
        return None
    token = token[:_MAX_TOKEN]
    return Entity(spec.kind, token, normal_form(spec.kind, token))


def normal_form(kind: str, token: str) -> str:
    """`a/b/C`, `La/b/C;`, `class a.b.C` and `a.b.C` are one class; `pkg-name` and `pkg_name` one package."""
    text = token.strip(_QUOTES)
    if kind in _CLASSES:
        text = _class_form(text)
    elif kind in ("method", "symbol"):
        text = _symbol_form(text)
    elif kind == "library":
        text = text.rsplit("/", 1)[-1].rsplit("\\", 1)[-1]
    elif kind in ("file", "executable"):
        text = _path_form(text)
    elif kind == "package":
        text = _SEPARATORS.sub("-", text)
    elif kind in ("setting", "config_key"):
        text = text.replace("_", "").replace("-", "") if "." in text else text.replace("-", "_")
    elif kind == "host":
        text = text.rstrip(".")
    return text.lower() if kind in _ANY_CASE else text


def _class_form(text: str) -> str:
    text = text.removeprefix("class ").removeprefix("interface ").strip(_QUOTES)
    text = _CLASS_FILE.sub("", text)
    descriptor = _DESCRIPTOR.match(text)
    if descriptor and (text.endswith(";") or text.startswith("[") or "/" in text):
        text = descriptor.group(1)
    return _PROXY_OR_LAMBDA.sub("", text.replace("/", "."))


def _symbol_form(text: str) -> str:
    """Methods as `owner.name` and their arguments; ELF symbols without their version."""
    text = text.split("@", 1)[0] if "@" in text and " " not in text else text
    return text.replace("/", ".") if "(" in text or "." in text else text


def _path_form(text: str) -> str:
    text = text.removeprefix("file://").removeprefix("file:")
    while text.startswith("./"):
        text = text[2:]
    return re.sub(r"/{2,}", "/", text)


def dedup_key(service: str, stage: str, rule: str, entity: Entity | None) -> str:
    """What makes two reports one incident: the thing that is missing, or the rule where none is named. Never a pod, a time or
    a release. 32 hex digits."""
    parts = (service, stage, entity.kind, entity.normal) if entity else (service, rule)
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
