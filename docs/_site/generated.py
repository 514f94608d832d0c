"""Pages and pictures of the site that are made from the code, so that they cannot disagree with it."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import inspect
import io
import json
import os
import re
import runpy
import tempfile
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path

from height_figure import draw

os.environ.setdefault("MPLBACKEND", "agg")

PACKAGES = ("discmri", "discmri.cohort", "discmri.trial", "discmri.agreement", "discmri.reading",
            "discmri.phantoms")  # fmt: skip


def cli() -> str:
    """Every command with its help, from the parser."""
    from discmri.cli import make_parser

    os.environ["COLUMNS"] = "100"
    parts = [
        "# Command line",
        "",
        "Every command explains itself by `--help`; this is that text.",
        "",
    ]
    for name, parser in _commands(make_parser()):
        level = "##" if name.count(" ") < 2 else "###"
        parts += [f"{level} {name}", "", "```text", parser.format_help().rstrip(), "```", ""]
    return "\n".join(parts)


def _commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield parser.prog, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from _commands(child)


def columns() -> str:
    """What every column and every finding code means."""
    from discmri.core.findings import MEANINGS
    from discmri.results.export.bids import _MEANINGS
    from discmri.results.export.csv_wide import COLUMNS
    from discmri.results.records import METHOD_COLUMNS, PARAMETER
    from discmri.trial.tables import LONG

    rows = []
    for name in COLUMNS:
        if name in METHOD_COLUMNS:
            rows.append((f"`{name}`", "", f"Method behind `{METHOD_COLUMNS[name]}`."))
        elif name in PARAMETER:
            one = PARAMETER[name]
            rows.append((f"`{name}`", one.unit.replace("{ratio}", "").strip("1"), one.meaning))
        else:
            rows.append((f"`{name}`", "", _MEANINGS[name]))
    codes = [(f"`{code.value}`", text) for code, text in MEANINGS.items()]
    return "\n".join(
        [
            "# Columns and findings", "",
            "An empty cell is a missing value; the row's `flags`, or `study_flags`, say why.", "",
            "## Columns of discs.csv", "",
            *_table(("column", "unit", "meaning"), rows), "",
            "`cohort.csv` has `study`, `status` and `reason` before these.", "",
            "## Columns of long.csv of a trial", "",
            *_table(("column", "meaning"), [(f"`{name}`", text) for name, text in LONG.items()]), "",
            "## Findings", "",
            "Codes in `flags`, `study_flags`, `quality_reasons` and `study.json`.", "",
            *_table(("code", "meaning"), codes), "",
        ]
    )  # fmt: skip


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [header, tuple("---" for _ in header), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def api() -> str:
    """Every public name, at its home."""
    parts = ["# Python", ""]
    for name in PACKAGES:
        package = importlib.import_module(name)
        first = (inspect.getdoc(package) or "").split("\n\n")[0]
        parts += [f"## {name}", "", re.sub(r":\w+:`~?\.?([^`]*)`", r"`\1`", first), ""]
        for one in package.__all__:
            member = getattr(package, one)
            home = getattr(member, "__module__", "")
            if (inspect.isclass(member) or inspect.isfunction(member)) and home.startswith(name):
                parts += [f"::: {home}.{member.__qualname__}", ""]
    return "\n".join(parts)


def schema() -> Mapping[str, str | bytes]:
    """The JSON Schema of study.json, and what its first level holds."""
    text = (
        resources.files("discmri.results.schema").joinpath("study.schema.json").read_text("utf-8")
    )
    whole = json.loads(text)
    top = whole
    if "$ref" in whole:
        top = whole["$defs"][whole["$ref"].rsplit("/", 1)[-1]]
    rows = [(f"`{name}`", _kind(one)) for name, one in top["properties"].items()]
    page = [
        "# Schema of study.json", "",
        "[study.schema.json](study.schema.json) is the JSON Schema that ships in the package and that "
        "every `study.json` obeys; it is made from the types in `discmri.results.document`.", "",
        *_table(("key", "type"), rows), "",
    ]  # fmt: skip
    return {"reference/schema.md": "\n".join(page), "reference/study.schema.json": text}


def _kind(entry: Mapping[str, object]) -> str:
    if "$ref" in entry:
        return str(entry["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in entry:
        return " or ".join(_kind(one) for one in entry["anyOf"])  # type: ignore[attr-defined]
    if entry.get("type") == "array":
        return f"list of {_kind(entry.get('items') or {})}"  # type: ignore[arg-type]
    return str(entry.get("type", "any"))


def heights() -> Mapping[str, bytes]:
    """Each definition of height drawn on one disc."""
    return {"explain/heights.png": draw()}


def gallery(folder: Path) -> Mapping[str, str | bytes]:
    """Every script of a folder run, with what it prints and draws."""
    made: dict[str, str | bytes] = {}
    index = ["# Gallery", "", "Scripts that run as they stand, on phantoms of the program.", ""]
    for script in sorted(folder.glob("*.py")):
        text = script.read_text(encoding="utf-8")
        title, _, rest = (inspect.cleandoc(_docstring(text))).partition("\n")
        code = text.split('"""', 2)[2].strip()
        printed, pictures = _run(script)
        page = [f"# {title.rstrip('.')}", "", rest.strip(), "", "```python", code, "```", ""]
        page += ["```text", printed.rstrip(), "```", ""] if printed.strip() else []
        for name, png in pictures.items():
            made[f"gallery/{script.stem}-{name}"] = png
            page += [f"![{title}]({script.stem}-{name})", ""]
        page += [f"[The script]({script.name})", ""]
        made[f"gallery/{script.stem}.md"] = "\n".join(page)
        index += [f"## [{title.rstrip('.')}]({script.stem}.md)", ""]
        index += [f"![{title}]({script.stem}-{name}){{ width=420 }}" for name in list(pictures)[:1]]
        index += ["", rest.strip().split("\n\n")[0], ""]
    return made | {"gallery/index.md": "\n".join(index)}


def _docstring(text: str) -> str:
    return text.split('"""', 2)[1]


def _run(script: Path) -> tuple[str, dict[str, bytes]]:
    """What a script prints, and the pictures that it writes into the current folder."""
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        with contextlib.redirect_stdout(printed):
            runpy.run_path(str(script), run_name="__main__")
        pictures = {path.name: path.read_bytes() for path in sorted(Path().glob("*.png"))}
    return printed.getvalue(), pictures
