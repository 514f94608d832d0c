"""Where work is done: the pool, Dask on this machine, and a Slurm queue that is played."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cohort import calls

from discmri.cohort import Workers, workers
from discmri.cohort.workers import run_jobs, slurm_cluster
from discmri.core.errors import UsageError

SLURM = 'queue = "cpu"\ncores = 1\nmemory = "1GB"\nwalltime = "01:00:00"\njobs = 1\n'


def test_a_pool_does_every_job(monkeypatch):
    monkeypatch.setattr(workers, "has_dask", lambda: False)
    done = dict(run_jobs(calls.doubled, [1, 2, 3, 4], Workers(2)))
    assert done == {0: 2, 1: 4, 2: 6, 3: 8}


def test_dask_does_the_same():
    done = dict(run_jobs(calls.doubled, [1, 2, 3, 4], Workers(2)))
    assert done == {0: 2, 1: 4, 2: 6, 3: 8}


def test_no_job_starts_nothing():
    assert list(run_jobs(calls.doubled, [], Workers(scheduler="tcp://127.0.0.1:1"))) == []


def test_a_pool_that_is_left_stops_its_work(monkeypatch):
    monkeypatch.setattr(workers, "has_dask", lambda: False)
    running = run_jobs(calls.wait_for_stop, [0.0, 60.0, 60.0], Workers(2))
    assert next(running) == (0, "waited")
    running.close()  # returns at once, for the event reaches the work


@pytest.mark.parametrize("options", [{"scheduler": "tcp://127.0.0.1:1"}, {"slurm": Path("x.toml")}])
def test_without_dask_its_options_are_refused(monkeypatch, options):
    monkeypatch.setattr(workers, "has_dask", lambda: False)
    with pytest.raises(UsageError, match=r"needs Dask.*pip install 'discmri\[cohort\]'"):
        list(run_jobs(calls.doubled, [1], Workers(**options)))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "http://127.0.0.1:1"])
def test_a_scheduler_that_does_not_answer(monkeypatch, address):
    monkeypatch.setattr(workers, "_PATIENCE_S", 0.5)
    with pytest.raises(UsageError, match="no Dask scheduler answers"):
        list(run_jobs(calls.doubled, [1], Workers(scheduler=address)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cores = ", "cannot be read as TOML"),
        ('cores = 1\nmemory = "1GB"\nlane = "cpu"\n', "lane is no option"),
        ("cores = 1\n", "memory is missing"),
        ('cores = 1\nmemory = "1GB"\njobs = 0\n', "jobs is how many"),
        ('cores = 1\nmemory = "much"\n', "describes no Slurm job"),
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


def test_signals_keep_their_meaning(tmp_path):
    """In a process of its own, where dask-jobqueue was not imported before."""
    file = tmp_path / "cluster.toml"
    file.write_text(SLURM)
    code = (
        "import signal, sys\nfrom pathlib import Path\n"
        "from discmri.cohort.workers import slurm_cluster\n"
        "before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)\n"
        "with slurm_cluster(Path(sys.argv[1])): pass\n"
        "assert before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(file)], check=True, cwd=tmp_path)


def test_a_queue_runs_the_work(tmp_path, monkeypatch):
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
    done = dict(run_jobs(calls.doubled, [1, 2, 3], Workers(slurm=file)))
    assert done == {0: 2, 1: 4, 2: 6}


def play(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_a_job_whose_workers_die_over_and_over_is_given_up():
    import dask

    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        assert dict(run_jobs(calls.die, [1], Workers(1))) == {0: None}
