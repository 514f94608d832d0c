import os
import subprocess
import sys

import pytest

from discmri.core.threads import POOLS, limit_library_threads


def test_each_library_gets_one_thread():
    environ: dict[str, str] = {}
    limit_library_threads(environ)
    assert environ == dict.fromkeys(POOLS, "1")


@pytest.mark.parametrize("name", POOLS)
def test_what_the_user_said_stays(name):
    environ = {name: "3"}
    limit_library_threads(environ)
    assert environ[name] == "3"
    if name == "OMP_NUM_THREADS":  # all libraries follow it where their own is not set
        assert set(environ) == {name}


def test_they_are_limited_before_an_option_loads_numpy():
    code = (
        "import os, sys; from discmri.cli import main; "
        "main(['measure', 'study', '--format', 'no-such-format']); "
        "print('numpy' in sys.modules, os.environ.get('OPENBLAS_NUM_THREADS'))"
    )
    environ = {name: value for name, value in os.environ.items() if name not in POOLS}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["True", "1"]
