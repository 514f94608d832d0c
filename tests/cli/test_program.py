"""The program as a whole, in processes of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import discmri
from discmri.cli import COMMANDS, main

HEAVY = {
    "numpy",
    "scipy",
    "pandas",
    "matplotlib",
    "SimpleITK",
    "onnxruntime",
    "pydicom",
    "jinja2",
    "rich",
    "nibabel",
    "skimage",
    "dask",
    "distributed",
    "pyarrow",
    "sqlalchemy",
    "alembic",
}


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_help_loads_nothing_heavy():
    loaded = _python(
        "import sys; from discmri.cli import main; assert main(['--help']) == 0\n"
        "print('MODULES', *{m.split('.')[0] for m in sys.modules})"
    )
    modules = set(loaded.rpartition("MODULES")[2].split())
    assert "discmri" in modules
    assert not modules & HEAVY


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"\n    {name}" in text for name in COMMANDS)
    assert "not a medical device" in text


@pytest.mark.parametrize(
    "command",
    [
        "inspect",
        "measure",
        "batch",
        "qc",
        "grade",
        "grade plan",
        "grade verify",
        "agreement",
        "phantom make",
        "phantom cohort",
        "validate",
        "qualify",
        "doctor",
    ],
)
def test_every_command_explains_itself_with_examples(command, capsys):
    assert main([*command.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert f"usage: discmri {command}" in text
    assert f"examples:\n  discmri {command} " in text


def test_measure_help_names_every_member(capsys):
    from discmri.measurement.segment import SEGMENTERS
    from discmri.measurement.segment.schemes import SCHEMES
    from discmri.results.export import EXPORTERS
    from discmri.results.height import HEIGHT_METHODS

    main(["measure", "--help"])
    words = set(capsys.readouterr().out.replace(",", " ").split())
    assert {*EXPORTERS, *HEIGHT_METHODS, *SEGMENTERS, *SCHEMES} <= words


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"discmri {discmri.__version__}\n"


@pytest.mark.parametrize(
    "argv", [[], ["bogus"], ["measure"], ["--nope"], ["inspect", "a", "b\n\x1b[2J"]]
)
def test_wrong_arguments_are_one_line(argv, capsys):
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "\x1b" not in captured.err
    assert "--help" in captured.err


def test_python_m_runs_it(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "discmri", "measure", "nowhere"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert (
        done.stderr
        == "discmri: nowhere does not exist; give a study folder, a .zip or a NIfTI file\n"
    )


def test_a_reader_that_leaves_early_is_no_error(tmp_path):
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; '{sys.executable}' -m discmri measure --help | true"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize(
    ("ending", "expected"),
    [("2>/dev/full", 3), ("2>&1 >/dev/null | true", 3), ("--quiet 2>/dev/full", 3)],
)
def test_a_standard_error_that_breaks_changes_nothing(tmp_path, ending, expected):
    """Progress that cannot be said is no reason to lose the result or its exit code."""
    (tmp_path / "empty").mkdir()
    program = (
        "import sys, discmri.cli._terminal as t; t._PATIENCE_S = 0.0; "
        "from discmri.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    script = (
        f"set -o pipefail; '{sys.executable}' -c '{program}' measure empty -o out {ending}; exit $?"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (expected, b"", b"")
    assert (tmp_path / "out" / "study.json").is_file()


@pytest.mark.parametrize("redirection", ["", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_no_harm(tmp_path, redirection):
    (tmp_path / "empty").mkdir()
    script = f"'{sys.executable}' -m discmri measure empty -o out {redirection}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, cwd=tmp_path, check=False)
    assert done.returncode == 3
    assert (tmp_path / "out" / "study.json").read_text(encoding="utf-8").startswith("{")


def test_a_narrow_encoding_is_no_error(tmp_path):
    """Words beyond ASCII on an ASCII stream are escaped, not fatal."""
    code = "from discmri.cli import main; import sys; code = main(['--version']); print('±'); sys.exit(code)"
    done = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", code],
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"\xb1" in done.stdout


def test_empty_folder_is_three_and_says_why(tmp_path):
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "discmri", "measure", "empty", "-o", "out", "--quiet"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "empty" in done.stderr
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["study.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_bar_and_frame_on_a_terminal(tmp_path):
    """Header text on a terminal is shown without its control characters."""
    import os
    import pty

    script = Path(tmp_path / "show.py")
    script.write_text(
        "import argparse\n"
        "from discmri.cli._terminal import quiet_progress\n"
        "from discmri.cli._table import show_table\n"
        "with quiet_progress(argparse.Namespace(debug=False, quiet=False, verbose=False)) as steps:\n"
        "    steps('reading [red]x[/red]', 0.5)\n"
        "show_table(['Level'], [['L4\\x1b[31m-L5 [bold]']])\n"
    )
    ours, theirs = pty.openpty()
    done = subprocess.run([sys.executable, str(script)], stdout=theirs, stderr=theirs, check=False)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # the end of a pseudo-terminal
        pass
    os.close(ours)
    assert done.returncode == 0, shown
    assert b"reading [red]x[/red]" in shown
    assert b"L4[31m-L5 [bold]" in shown


_WITHOUT_EXTRAS = """
import sys
for name in ("alembic", "dask", "distributed", "highdicom", "napari", "psycopg", "pyarrow", "PySide6",
             "qtpy", "sqlalchemy", "statsmodels"):
    sys.modules[name] = None
from discmri.cli import main
assert main(["completion", "bash"]) == 0
for call in sys.argv[1:]:
    assert main(call.split()) == 2, call
"""


def test_without_extras_a_command_works_or_names_its_extra(tmp_path, tiny):
    calls = {
        "grade plan x.session y --reader ann": "discmri[reading]",
        "grade open x.session --reader ann": "discmri[napari]",
        "agreement x.session -o z": "x.session",
        f"batch {tiny.study} -o z --scheduler tcp://127.0.0.1:9": "discmri[cohort]",
        f"measure {tiny.study} -o results --format dicom": "discmri[dicom]",
    }
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_EXTRAS, *calls],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("discmri")]
    for line, (call, what) in zip(said, calls.items(), strict=True):
        assert what in line, (call, line)
