"""The commands about settings and rules as a user calls them."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from detector.cli import COMMANDS, main

RULE = "title: t\nseverity: error\nstage: none\npatterns: ['foo (?P<x>bar)']\n"


def call(*arguments, text=None):
    return CliRunner().invoke(main, list(arguments), input=text)


def test_check_lists_every_fault_of_settings_and_rules(tmp_path):
    """Of both files, in the form that editors understand, with exit status 2."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "bad.yaml").write_text(RULE.replace("foo", "(?=foo)") + "titel: x\n")
    settings = tmp_path / "settings" / "s.yaml"
    settings.parent.mkdir()
    settings.write_text(f"servce: x\nrules:\n  paths: ['{tmp_path}/own']\n  builtin: false\nsinks:\n  - {{type: webhook}}\n")
    done = call("check", "--config", str(settings))
    assert done.exit_code == 2
    lines = done.output.splitlines()
    assert f"{settings}:1: servce: unknown key 'servce'; did you mean 'service'?" in lines
    assert f"{settings}:6: sinks.0.url: is missing" in lines
    assert any(line.startswith(f"{tmp_path}/own/bad.yaml:4: patterns.0: ") and "look-around" in line for line in lines)
    assert f"{tmp_path}/own/bad.yaml:5: titel: unknown key 'titel'; did you mean 'title'?" in lines


def test_check_looks_at_files_addresses_and_names(tmp_path):
    """A secret's file that is not there, an address no sink may call, a rule that does not exist, a folder without rules."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "good.yaml").write_text(RULE)
    settings = tmp_path / "settings" / "s.yaml"
    settings.parent.mkdir()
    settings.write_text(
        f"rules:\n  builtin: false\n  paths: ['{tmp_path}/own', '{tmp_path}/nowhere']\n  mute: [own/goood]\n"
        "sinks:\n  - type: webhook\n    url: http://169.254.169.254/x\n    token_file: /nowhere/token\n"
    )
    done = call("check", "--config", str(settings), "--json")
    assert done.exit_code == 2
    found = {(fault["line"], fault["field"]): fault["problem"] for fault in map(json.loads, done.output.splitlines())}
    assert set(found) == {(3, "rules.paths.1"), (4, "rules.mute.0"), (7, "sinks.0.url"), (8, "sinks.0.token_file")}
    assert "did you mean 'own/good'?" in found[4, "rules.mute.0"]


def test_check_says_what_is_well(tmp_path):
    """One line, exit status 0."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "good.yaml").write_text(RULE)
    settings = tmp_path / "settings" / "s.yaml"
    settings.parent.mkdir()
    settings.write_text(f"rules: {{builtin: false, paths: ['{tmp_path}/own']}}\n")
    done = call("check", "--config", str(settings))
    assert (done.exit_code, done.output) == (0, f"{settings}: no fault. 1 rules; reads stdin; tells stdout.\n")
    assert call("check", "--config", str(tmp_path / "none.yaml")).exit_code == 2


@pytest.mark.parametrize("what", ["settings", "rules", "incident", "finding", "verdict"])
def test_schema_prints_a_json_schema(what):
    """As editors read it."""
    done = call("schema", what)
    assert json.loads(done.output)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_rules_commands_end_with_the_status_their_help_names(tmp_path):
    """1 for a fault, 2 for a question that makes no sense, 0 when all is well."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "good.yaml").write_text(RULE)
    rule = str(tmp_path / "own" / "good.yaml")
    assert call("rules", "lint", rule).exit_code == 1
    assert call("rules", "test", rule).exit_code == 1
    (tmp_path / "own" / "good.match.log").write_text("foo bar\n")
    (tmp_path / "own" / "good.clean.log").write_text("foo baz\n")
    done = call("rules", "test", rule)
    assert (done.exit_code, done.output) == (0, "1 rules, 1 match events, 1 clean events; 0 rules fail.\n")
    assert call("rules", "explain", rule, "--line", "a foo bar").exit_code == 0
    assert call("rules", "explain", rule, "--file", "-", text="foo bar\nx\n").output.count("=> it") == 2
    assert call("rules", "explain", rule, "--line", "nothing").exit_code == 1
    assert call("rules", "explain", rule).exit_code == 2
    assert call("rules", "test", "no/such").exit_code == 2
    assert "MB/s" in call("rules", "bench", rule).output


def test_a_mistyped_command_is_answered_with_the_nearest():
    """And every command has a line of help without being loaded."""
    assert "did you mean 'rules'?" in call("ruls").output
    assert all(name in call("--help").output for name in COMMANDS)


def test_help_loads_no_command():
    """`--help` must answer at once: no engine, no web server, no tables."""
    code = "import sys, detector.cli\ntry: detector.cli.main(['--help'])\nfinally: print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not any(f"'{name}'" in done.stderr for name in ("hyperscan", "uvicorn", "rich", "detector.app", "re2"))


@pytest.mark.parametrize(
    "verb", [*([name] for name in COMMANDS), *(["rules", name] for name in ("test", "lint", "explain", "bench"))]
)
def test_the_help_of_every_verb_has_examples(verb):
    """Also that of the verbs of rules."""
    done = call(*verb, "--help")
    assert done.exit_code == 0
    assert "Examples:" in done.output
    assert f"trimwatch {' '.join(verb)}" in done.output
