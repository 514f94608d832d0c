"""Every command that a page shows is one that the program takes."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from discmri.cli import make_parser

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    {*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md"),
     *ROOT.glob("src/**/*.md"), *ROOT.glob(".github/**/*.md"), *ROOT.glob("notebooks/*.ipynb")}
)  # fmt: skip
_BLOCK = re.compile(r"(?ms)^(?P<indent> *)```[a-z]*\n(?P<text>.*?)^(?P=indent)```")


def text_of(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return text


def in_blocks(text: str) -> Iterator[list[str]]:
    """Commands on lines of their own, without prompt, comment, pipe and redirection."""
    for block in _BLOCK.finditer(text):
        for line in block["text"].replace("\\\n", " ").splitlines():
            told = line.strip().removeprefix("$ ")
            if told.startswith("discmri "):
                yield shlex.split(re.split(r" [>|] ", told)[0], comments=True)[1:]


def in_sentences(text: str) -> Iterator[list[str]]:
    """Commands within a sentence, often without their arguments."""
    for told in re.findall(r"(?s)`(discmri [^`]+)`", _BLOCK.sub("", text)):
        yield shlex.split(told.replace("\n", " "))[1:]


def parser_of(words: list[str]) -> tuple[argparse.ArgumentParser, list[str]]:
    """The innermost command that words name, and what is left of them."""
    parser, rest = make_parser(), list(words)
    while children := [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]:
        if not rest or rest[0] not in children[0].choices:
            break
        parser = children[0].choices[rest.pop(0)]
    return parser, rest


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_command_of_a_page_is_taken(page):
    text = text_of(page)
    for words in in_blocks(text):
        parsed = make_parser().parse_args(words)
        assert parsed.command == words[0]
    for words in in_sentences(text):
        parser, rest = parser_of(words)
        assert parser.prog != "discmri" or rest[0].startswith("-"), words
        options = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert options <= set(parser._option_string_actions), words


def test_the_pages_show_most_commands():
    shown = {words[0] for page in PAGES for words in in_blocks(text_of(page))}
    assert shown >= {"measure", "inspect", "batch", "qc", "grade", "agreement", "trial", "phantom"}


@pytest.fixture
def loaded(phantom_result, tmp_path, monkeypatch):
    """A folder with the tables that the recipes load; the Patient ID begins with zeros."""
    phantom_result.write(tmp_path / "results", ("csv",))
    discs = tmp_path / "results" / "discs.csv"
    head, *rows = discs.read_text(encoding="utf-8").splitlines()
    rows = ["007" + row[row.index(",") :] for row in rows]
    discs.write_text("\n".join([head, *rows, ""]), encoding="utf-8")
    studies = [f"0{n},measured,,{row}" for n in range(3) for row in rows]
    cohort = "\n".join(["study,status,reason," + head, *studies, ""])
    (tmp_path / "results" / "cohort.csv").write_text(cohort, encoding="utf-8")
    (tmp_path / "clinic.csv").write_text("study,age\n00,40\n01,50\n02,65\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return phantom_result


def recipes(language: str) -> str:
    text = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    return "\n".join(re.findall(rf"(?ms)^```{language}\n(.*?)^```", text))


def test_the_recipe_for_pandas_runs(loaded, capsys):
    names: dict[str, object] = {}
    exec(recipes("python"), names)
    assert set(names["discs"]["subject_id"]) == {"007"}
    assert list(names["discs"]["level"]) == [row["level"] for row in loaded.rows()]
    assert "count" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R")
def test_the_recipes_for_r_run(loaded):
    program = recipes("r") + '\ncat("\\n", unique(discs$subject_id), nrow(both), "\\n")\n'
    Path("recipes.R").write_text(program, encoding="utf-8")
    call = ["Rscript", "-e", 'source("recipes.R", print.eval = TRUE)']
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    assert "height_mm" in done.stdout
    assert done.stdout.splitlines()[-1].split() == ["007", "3"]
