"""What judging costs the daemon: nothing while nobody judges, and hardly more when somebody does."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"numpy", "pandas", "scipy", "sklearn", "models", "detector.judge", "detector.analysis"}


def test_the_daemon_imports_no_numbers() -> None:
    """Not even with what starts a judge, hands it its task and reads its answer."""
    code = (
        "import sys, detector.app, detector.live.judges, detector.edges.judge.process, detector.edges.judge.wire\n"
        f"print(sorted({HEAVY} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
