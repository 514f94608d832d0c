"""Defaults of a site, completion, the log, and names of output folders that do not collide."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from discmri.cli import COMMANDS, main, make_parser
from discmri.cli._site import apply_site
from discmri.cli.measure import default_folder, settings_of
from discmri.core.errors import UsageError

SITE = """\
[measure]
height-method = "dabbs"
threads = 4
all_lines = true
[batch]
output = "results"
format = ["csv", "html"]
[trial.run]
workers = 3
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISCMRI_CONFIG", str(tmp_path / "site.toml"))
    (tmp_path / "site.toml").write_text(SITE, encoding="utf-8")
    return tmp_path


def parsed(*argv):
    parser = make_parser()
    apply_site(parser, argv)
    return parser.parse_args(argv)


def test_the_site_sets_defaults_and_what_is_typed_wins(here):
    settings = settings_of(parsed("measure", "s"))
    assert (settings.height_method, settings.threads, settings.all_lines) == ("dabbs", 4, True)
    assert settings_of(parsed("measure", "s", "--threads", "1")).threads == 1
    batch = parsed("batch", "scans")
    assert (batch.output, batch.formats) == (Path("results"), ["csv", "html"])
    assert parsed("trial", "run", "t.csv", "-o", "x").workers == 3
    assert parsed("trial", "check", "t.csv").list == Path("t.csv")
    assert parsed("batch", "scans").threads == 1, "a table holds for its own command"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[measure]\nhight = 1\n", "[measure]: unknown option 'hight'; choose from study"),
        ("[measure]\nthreads = 'many'\n", "[measure] threads: expected a whole number above zero"),
        (
            "[measure]\nheight-method = 'tall'\n",
            "height-method: 'tall' is invalid; choose from anterior",
        ),
        ("[measure]\nall-lines = 1\n", "[measure] all-lines: expected true or false, got 1"),
        ("[measure]\nthreads = [1]\n", "[measure] threads: expected one value, got [1]"),
        ("[measur]\nthreads = 1\n", "'measur' is not a command"),
        ("[measure\n", "cannot be read as TOML"),
    ],
)
def test_a_wrong_file_is_one_line(here, capsys, text, said):
    (here / "site.toml").write_text(text, encoding="utf-8")
    assert main(["measure", "study"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"discmri: {here / 'site.toml'}")
    assert said in err
    assert err.count("\n") == 1


def test_a_file_that_is_named_must_be_there(here, monkeypatch):
    monkeypatch.setenv("DISCMRI_CONFIG", "nowhere.toml")
    with pytest.raises(UsageError, match=r"nowhere\.toml of DISCMRI_CONFIG does not exist"):
        parsed("measure", "s")


def test_config_shows_what_is_in_force_and_where_it_comes_from(here, capsys):
    assert main(["config", "--site"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["measure", "height-method", "dabbs", str(here / "site.toml")] in lines
    assert ["trial", "run", "workers", "3", str(here / "site.toml")] in lines
    assert main(["config", "measure"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["measure", "seg-kind", "auto", "program"] in lines
    assert main(["config", "measur"]) == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_every_command(here, capsys, shell):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(command in script for command in COMMANDS)
    assert "height-method" in script


def test_the_log_file_holds_call_and_error_without_passwords(here, capsys):
    call = ["grade", "progress", "postgresql://ann:secret@127.0.0.1:1/x", "--log-file", "log.txt"]
    assert main(call) == 3
    text = (here / "log.txt").read_text(encoding="utf-8")
    assert "INFO" in text
    assert "grade progress postgresql://ann:***@127.0.0.1:1/x" in text
    assert "ERROR" in text
    assert "secret" not in text
    assert main(["inspect", "x", "--log-file", "nowhere/log.txt"]) == 2
    assert "the log nowhere/log.txt cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(("uid", "folder"), [("1", "study"), ("2", "ann-study")])
def test_results_of_another_study_are_never_where_new_ones_go(here, monkeypatch, uid, folder):
    study = here / "ann" / "study"
    study.mkdir(parents=True)
    assert default_folder(study, None) == Path("discmri-out/study")
    (here / "discmri-out" / "study").mkdir(parents=True)
    (here / "discmri-out" / "study" / "study.json").touch()
    monkeypatch.setattr(
        "discmri.results.read.read_results", lambda _: SimpleNamespace(study_uid="1")
    )
    monkeypatch.setattr("discmri.study.read_study", lambda *_, **__: SimpleNamespace(study_uid=uid))
    assert default_folder(study, None) == Path("discmri-out") / folder
