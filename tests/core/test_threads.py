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
