"""The unit is one that systemd takes, and it is locked up."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.deploy.manifests import DEPLOY

UNIT = DEPLOY / "systemd" / "trimwatch.service"
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def service() -> dict[str, str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return dict(parser["Service"])


def test_it_starts_stops_and_reloads_as_the_daemon_does() -> None:
    """SIGHUP re-reads, settings are checked first, a usage error (2) is not tried again."""
    unit = service()
    assert unit["Type"] == "exec"
    assert unit["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert unit["ExecStart"].endswith("trimwatch run --config /etc/trimwatch/settings.yaml")
    assert unit["ExecStartPre"].endswith("trimwatch check --config /etc/trimwatch/settings.yaml")
    assert unit["RestartPreventExitStatus"] == "2"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("CapabilityBoundingSet", ""),
        ("MemoryDenyWriteExecute", "yes"),
        ("StateDirectory", "trimwatch"),
    ],
)
def test_it_may_do_next_to_nothing(key: str, value: str) -> None:
    """And writes only below its state directory."""
    assert service()[key] == value


@needs_systemd
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    """`systemd-analyze verify`, with a program that is there in place of the installed one. What it says of other units on this
    machine is none of ours."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/trimwatch/bin/trimwatch", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if UNIT.stem in line]
    assert (done.returncode, ours) == (0, [])


@needs_systemd
def test_systemd_calls_its_exposure_ok() -> None:
    """Below 2.0 on its scale of 10; a new release of systemd may weigh otherwise, within reason."""
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-200:]
