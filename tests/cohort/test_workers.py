"""Where work is done: the pool, a Dask scheduler with certificates, a Slurm queue that is played."""

from __future__ import annotations

import gc
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import trustme
from tests.cohort import calls

from discmri.cohort import Workers, workers
from discmri.cohort.workers import run_jobs, slurm_cluster
from discmri.core.errors import UsageError

SLURM = 'queue = "cpu"\ncores = 1\nmemory = "1GB"\nwalltime = "01:00:00"\njobs = 1\n'


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A function: a security file whose certificate comes from a fresh authority."""

    def make(name):
        folder = tmp_path_factory.mktemp(name)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        made = authority.issue_cert("127.0.0.1", "localhost")
        made.cert_chain_pems[0].write_to_path(folder / "me.pem")
        made.private_key_pem.write_to_path(folder / "me.key")
        file = folder / "tls.toml"
        file.write_text('tls-ca-file = "ca.pem"\ntls-cert = "me.pem"\ntls-key = "me.key"\n')
        return file

    return make


@pytest.fixture(scope="module")
def security(certificates):
    return certificates("own")


@pytest.fixture(scope="module")
def cluster(security):
    """A scheduler with one worker, both with certificates; a job may end one worker only."""
    import dask
    from distributed import LocalCluster

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1",
            security=workers._security(security), protocol="tls://", silence_logs=50,
        ) as running,
    ):  # fmt: skip
        yield running


def test_a_pool_does_every_job(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)  # on one machine it has no use
    done = dict(run_jobs(calls.doubled, [1, 2, 3, 4], Workers(2)))
    assert done == {0: 2, 1: 4, 2: 6, 3: 8}


def test_a_scheduler_with_certificates_does_the_same(cluster, security):
    there = Workers(scheduler=cluster.scheduler_address, security=security)
    assert dict(run_jobs(calls.doubled, [1, 2, 3, 4], there)) == {0: 2, 1: 4, 2: 6, 3: 8}
    assert dict(run_jobs(calls.die, [1], there)) == {0: None}, "its worker died: given up"


def test_who_is_not_known_gets_no_work_done(cluster, certificates, monkeypatch):
    monkeypatch.setattr(workers, "_CONNECT_S", 2.0)
    address = cluster.scheduler_address
    for options, said in (
        ({"security": certificates("stranger")}, "no response from a Dask scheduler"),
        ({}, "does not fit --security FILE"),
    ):
        with pytest.raises(UsageError, match=said):
            list(run_jobs(calls.doubled, [1], Workers(scheduler=address, **options)))
    plain = address.replace("tls://", "tcp://")
    with pytest.raises(UsageError, match="no response from a Dask scheduler"):
        list(run_jobs(calls.doubled, [1], Workers(scheduler=plain)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tls-cert = 'me.pem'\n", "needs the keys tls-ca-file, tls-cert, tls-key"),
        ("tls-ca-file = 1\ntls-cert = 'a'\ntls-key = 'b'\n", "needs the keys"),
        ('tls-ca-file = "a\\u0000"\ntls-cert = "a"\ntls-key = "b"\n', "needs the keys"),
        (
            "tls-ca-file = 'x'\ntls-cert = 'a'\ntls-key = 'b'\n",
            "the certificates cannot be used",
        ),
        ("\0", "cannot be read as TOML"),
    ],
)
def test_a_wrong_security_file_is_named(tmp_path, text, said):
    file = tmp_path / "tls.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=said):
        list(run_jobs(calls.doubled, [1], Workers(scheduler="tls://127.0.0.1:1", security=file)))


def test_no_job_starts_nothing():
    assert list(run_jobs(calls.doubled, [], Workers(scheduler="tcp://127.0.0.1:1"))) == []


def test_a_pool_that_is_left_stops_its_work():
    running = run_jobs(calls.wait_for_stop, [0.0, 60.0, 60.0], Workers(2))
    assert next(running) == (0, "waited")
    running.close()  # returns at once, for the event reaches the work


@pytest.mark.parametrize("options", [{"scheduler": "tcp://127.0.0.1:1"}, {"slurm": Path("x.toml")}])
def test_without_dask_its_options_are_refused(monkeypatch, options):
    monkeypatch.setattr(workers, "has_dask", lambda: False)
    with pytest.raises(UsageError, match=r"needs Dask.*pip install 'discmri\[cohort\]'"):
        list(run_jobs(calls.doubled, [1], Workers(**options)))


@pytest.fixture(autouse=True)
def _no_abandoned_client():
    """Dask deadlocks if a client that failed is collected while another loop starts."""
    yield
    gc.collect()


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "http://127.0.0.1:1"])
def test_a_scheduler_that_does_not_answer(monkeypatch, address):
    monkeypatch.setattr(workers, "_CONNECT_S", 0.5)
    with pytest.raises(UsageError, match="no response from a Dask scheduler"):
        list(run_jobs(calls.doubled, [1], Workers(scheduler=address)))


RETRY = """
import gc
from distributed.utils import LoopRunner
from discmri.cohort import Workers, workers
from discmri.core.errors import UsageError

start = LoopRunner._start_unlocked

def collect_first(runner):
    gc.collect()
    start(runner)

gc.disable()
LoopRunner._start_unlocked = collect_first
for _ in range(2):
    try:
        list(workers.run_jobs(abs, [1], Workers(scheduler="nonsense")))
    except UsageError:
        print("refused")
"""


def test_a_second_try_does_not_wait_for_the_first():
    done = subprocess.run(
        [sys.executable, "-c", RETRY], capture_output=True, text=True, timeout=100, check=True
    )
    assert done.stdout.split() == ["refused", "refused"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cores = ", "cannot be read as TOML"),
        ('cores = 1\nmemory = "1GB"\nlane = "cpu"\n', "lane is not an option"),
        ("cores = 1\n", "memory of a job is missing"),
        ('cores = 1\nmemory = "1GB"\njobs = 0\n', "jobs must be a whole number"),
        ('cores = 1\nmemory = "much"\n', "not a valid description of Slurm jobs"),
    ],
)
def test_a_wrong_slurm_file_is_named(tmp_path, text, said):
    file = tmp_path / "cluster.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=said), slurm_cluster(file) as cluster:
        cluster.job_script()


def test_a_missing_slurm_file(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"), slurm_cluster(tmp_path / "none.toml"):
        pass


def test_the_job_script_says_what_the_file_says(tmp_path):
    file = tmp_path / "cluster.toml"
    file.write_text(SLURM)
    with slurm_cluster(file) as cluster:
        script = cluster.job_script()
    for line in ("#SBATCH -p cpu", "#SBATCH --cpus-per-task=1", "#SBATCH -t 01:00:00"):
        assert line in script
    assert sys.executable in script


def test_the_job_script_names_the_certificates(tmp_path, security):
    file = tmp_path / "cluster.toml"
    file.write_text(SLURM)
    with slurm_cluster(file, security) as cluster:
        script = cluster.job_script()
        assert cluster.scheduler_address.startswith("tls://")
    for option, name in (("--tls-ca-file", "ca.pem"), ("--tls-cert", "me.pem")):
        assert f"{option} {security.parent / name}" in script


def test_signals_keep_their_meaning(tmp_path):
    """In a process of its own, where dask-jobqueue was not imported before."""
    file = tmp_path / "cluster.toml"
    file.write_text(SLURM)
    code = (
        "import signal, sys\nfrom pathlib import Path\n"
        "from discmri.cohort import workers\n"
        "def meaning(): return [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]\n"
        "before = meaning()\n"
        "with workers.slurm_cluster(Path(sys.argv[1])): print(meaning() == before)\n"
        "for name in [name for name in sys.modules if name.startswith('dask_jobqueue')]:\n"
        "    del sys.modules[name]\n"
        "import dask_jobqueue\n"
        "print(meaning() == before)\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, str(file)],
        check=True, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert process.stdout.split() == ["True", "False"], "without care the import changes them"


def test_a_queue_runs_the_work(tmp_path, monkeypatch, security):
    """``sbatch`` and ``scancel`` are played by scripts that start and end the job at once."""
    take = 'cp "$1" job.sh; bash job.sh >/dev/null 2>&1 &'  # the caller removes its script
    play(tmp_path / "sbatch", f'{take} echo "Submitted batch job $!"')
    play(tmp_path / "scancel", 'pkill -P "$1"; kill "$1"')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    file = tmp_path / "cluster.toml"
    root = Path(__file__).parents[2]
    prologue = f'job_script_prologue = ["export PYTHONPATH={root}"]\ninterface = "lo"\n'
    file.write_text(SLURM + prologue)
    monkeypatch.chdir(tmp_path)
    done = dict(run_jobs(calls.doubled, [1, 2, 3], Workers(slurm=file, security=security)))
    assert done == {0: 2, 1: 4, 2: 6}


def play(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
