"""The image is built from pinned parts and runs as nobody. Building it needs a daemon; `tests/integration/test_image_steps.py`
runs its steps without one."""

from __future__ import annotations

import json
import re
import tomllib

from tests.unit.deploy.dockerfile import instructions_of
from tests.unit.deploy.manifests import DEPLOY

ROOT = DEPLOY.parent
INSTRUCTIONS = instructions_of(DEPLOY / "Dockerfile")
LAST = max(each.stage for each in INSTRUCTIONS)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def last(word: str) -> str:
    return [each.rest for each in INSTRUCTIONS if each.word == word and each.stage == LAST][-1]


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text()
    return {name.lower().replace("_", "-"): version for name, version in re.findall(r"(?m)^([\w.-]+)==([\w.+!]+)", text)}


def test_only_known_instructions() -> None:
    """No ADD (it fetches and unpacks), no MAINTAINER, no typing error."""
    words = {"ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
    assert {each.word for each in INSTRUCTIONS} == words


def test_it_runs_as_nobody_and_starts_our_script() -> None:
    """By number, so that Kubernetes can see that it is not root; the entry point is the console script of pyproject.toml."""
    assert last("USER") == "65532:65532"
    (program,) = json.loads(last("ENTRYPOINT"))
    assert program in PROJECT["scripts"]
    assert json.loads(last("CMD")) == ["run"]
    assert not [each for each in INSTRUCTIONS if each.word == "RUN" and each.stage == LAST and "pip" in each.rest]


def test_every_package_is_pinned_by_hash_and_none_is_compiled() -> None:
    """Each pip install takes a hash-checked lock, or the wheel that was just built."""
    installs = [each.rest for each in INSTRUCTIONS if each.word == "RUN" and "pip install" in each.rest]
    assert len(installs) == 3
    for install in installs:
        assert "--no-deps /wheel/" in install or ("--require-hashes" in install and "--only-binary=:all:" in install)
    for lock in ("requirements.lock", "deploy/requirements.lock"):
        entries = re.findall(r"(?m)^[\w.-]+==(?:[^\n]*\\\n)+[^\n]*", (ROOT / lock).read_text())
        assert len(entries) == len(pins(lock))
        assert all("--hash=sha256:" in entry for entry in entries)


def test_the_image_gets_what_the_project_needs_in_the_tested_versions() -> None:
    """deploy/requirements.lock is a part of requirements.lock and has every dependency; `make lock` writes both."""
    image, tested = pins("deploy/requirements.lock"), pins("requirements.lock")
    assert {name: version for name, version in image.items() if tested.get(name) != version} == {}
    needed = {re.split(r"[\s<>=;\[]", dependency)[0].lower() for dependency in PROJECT["dependencies"]}
    assert needed <= set(image)


def test_what_it_copies_is_there_and_not_ignored() -> None:
    """Every source of a COPY from the context."""
    allowed = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().split() if line.startswith("!")}
    for each in INSTRUCTIONS:
        if each.word == "COPY" and "--from" not in each.rest:
            *sources, _ = each.rest.split()
            for source in sources:
                assert (ROOT / source).exists(), source
                assert source in allowed, source


def test_nothing_but_data_is_written() -> None:
    """State and temporary files are below the volume, and Python writes no byte code."""
    environment = dict(part.split("=", 1) for part in last("ENV").split())
    assert last("VOLUME") == "/data"
    assert environment["TRIMWATCH_STORE_PATH"].startswith("/data/")
    assert environment["TMPDIR"] == "/data"
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"
