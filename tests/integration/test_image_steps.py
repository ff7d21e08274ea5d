"""The steps of the Dockerfile without a container: the same pip commands in clean environments, then what they install runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.deploy.dockerfile import instructions_of
from tests.unit.deploy.manifests import DEPLOY

ROOT = DEPLOY.parent
BAD_LINE = "java.lang.ClassNotFoundException: jakarta.validation.Validator\n"


def rewritten(command: str, folder: Path) -> str:
    """The image's folders are below the test's."""
    command = re.sub(r"(?<![\w.])/(build|opt|wheel)\b", rf"{folder}/\1", command)
    return re.sub(r"\bpython -m venv", f"{sys.executable} -m venv", command)


def run_step(command: str) -> None:
    """A desk without a network skips; CI fails."""
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode and "(from versions: none)" in done.stderr and os.environ.get("CI") != "true":
        pytest.skip("no package registry can be reached")
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.service
def test_the_image_installs_from_hashes_alone_and_runs_on_a_read_only_tree(tmp_path: Path) -> None:
    """Build stage as written; afterwards the program finds a missing class although it may write nowhere but its data folder."""
    (tmp_path / "opt").mkdir()
    for each in instructions_of(DEPLOY / "Dockerfile"):
        if each.word == "RUN" and each.stage == 1:
            run_step(rewritten(each.rest, tmp_path))
    data = tmp_path / "data"
    data.mkdir()
    environment = {
        "PATH": f"{tmp_path}/opt/trimwatch/bin:{os.environ['PATH']}",
        "TRIMWATCH_STORE_PATH": str(data / "state"),
        "TMPDIR": str(data),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TRIMWATCH_TELEMETRY_LISTEN": "127.0.0.1:0",
        "TRIMWATCH_API_LISTEN": "127.0.0.1:0",
    }
    installed = sorted(path.relative_to(tmp_path) for path in (tmp_path / "opt").rglob("*"))
    done = subprocess.run(
        [f"{tmp_path}/opt/trimwatch/bin/trimwatch", "run"],
        input=BAD_LINE,
        capture_output=True,
        text=True,
        cwd=data,
        env=environment,
        timeout=60,
        check=True,
    )
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"kind":"incident"')]
    assert [incident["entity"] for incident in told] == ["jakarta.validation.Validator"]
    assert sorted(path.relative_to(tmp_path) for path in (tmp_path / "opt").rglob("*")) == installed
    assert (data / "state").is_dir()
