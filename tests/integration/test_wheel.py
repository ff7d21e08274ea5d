"""The wheel carries the rules: what is installed from it finds the same as a checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from detector.edges.rule_files import builtin_rule_files

TOP = Path(__file__).parents[2]
LINE = b'Exception in thread "main" java.lang.NoClassDefFoundError: org/acme/Gone\n'


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder into which nothing but the wheel was installed."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    subprocess.run(build, cwd=TOP, check=True, capture_output=True, timeout=120)
    (wheel,) = (folder / "dist").glob("*.whl")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(folder / "site"),
        str(wheel),
    ]
    subprocess.run(pip, check=True, capture_output=True, timeout=120)
    return folder / "site"


def call(installed, code_or_module, *arguments, text=b""):
    """Runs Python away from the checkout with the wheel's files before all others."""
    environ = {**os.environ, "PYTHONPATH": str(installed), "XDG_CACHE_HOME": str(installed / "cache")}
    command = [sys.executable, "-P", *code_or_module, *arguments]
    return subprocess.run(command, cwd="/", env=environ, input=text, capture_output=True, check=True, timeout=120).stdout


def test_the_installed_rules_are_those_of_the_checkout(installed):
    """All packs, read from inside the package."""
    code = "from detector.edges import rule_files as r; print(*[f.id for f in r.builtin_rule_files()]); print(r.builtin_folder())"
    ids, folder = call(installed, ["-c", code]).decode().splitlines()
    assert ids.split() == [file.id for file in builtin_rule_files()]
    assert folder == str(installed / "detector" / "_rules")


def test_the_installed_command_finds_a_missing_class(installed):
    """The first minute, without a checkout."""
    found = call(installed, ["-m", "detector.cli"], "replay", "--json", "-", text=LINE)
    assert b"org/acme/Gone" in found
