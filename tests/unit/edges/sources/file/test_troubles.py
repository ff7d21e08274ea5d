"""What an operator is told about paths that cannot be followed."""

import os

import pytest
from structlog.testing import capture_logs

from detector.edges.sources.file.troubles import FileTroubles


def said(*paths):
    with capture_logs() as logs:
        FileTroubles("file").paths(map(str, paths))
    return [(entry["event"], entry["error"].split(";")[0]) for entry in logs]


def test_a_path_with_nothing_to_follow_is_told(tmp_path):
    """A folder, a pipe, a name that is not there, a glob without a file: silence would look as if all were well."""
    os.mkfifo(tmp_path / "pipe")
    problems = [problem for _, problem in said(tmp_path, tmp_path / "pipe", tmp_path / "none.log", tmp_path / "*.log")]
    assert problems == ["is a folder", "is no regular file", "No such file or directory", "no file matches yet"]


@pytest.mark.parametrize("pattern", ["app.log", "*.log", "**/*.log"])
def test_a_path_with_a_file_is_not(tmp_path, pattern):
    """By name and by glob."""
    (tmp_path / "app.log").touch()
    assert said(tmp_path / pattern) == []
