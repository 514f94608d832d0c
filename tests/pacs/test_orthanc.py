"""The recipes of ``docs/pacs`` against a real server."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from tests.conftest import TINY
from tests.results.dicom.conftest import Case, case_of

from discmri.results.dicom.instance import to_bytes
from discmri.results.dicom.show import wide_table

PACS = Path(__file__).parents[2] / "docs/pacs"
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
DISCMRI = [sys.executable, "-m", "discmri"]
pytestmark = pytest.mark.skipif(
    shutil.which("Orthanc", path=os.environ["PATH"] + ":/usr/sbin") is None or not PLUGIN.exists(),
    reason="needs Orthanc with DICOMweb (Debian: orthanc orthanc-dicomweb)",
)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def orthanc(tmp_path) -> Iterator[str]:
    port = free_port()
    settings = {
        "Name": "test", "StorageDirectory": str(tmp_path / "db"),
        "IndexDirectory": str(tmp_path / "db"), "Plugins": [str(PLUGIN)], "HttpPort": port,
        "RemoteAccessAllowed": False, "AuthenticationEnabled": False, "DicomServerEnabled": False,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"}, "StableAge": 1,
    }  # fmt: skip
    (tmp_path / "orthanc.json").write_text(json.dumps(settings))
    program = shutil.which("Orthanc", path=os.environ["PATH"] + ":/usr/sbin")
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen([program, tmp_path / "orthanc.json"], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url)
        yield url
    finally:
        server.kill()
        server.wait()


def _wait(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{url}/system", timeout=5).close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError("Orthanc does not answer")


@pytest.fixture(scope="module")
def case(phantom, tmp_path_factory) -> Case:
    return case_of(phantom, tmp_path_factory.mktemp("pacs") / "phantom", "siemens", TINY)


def _send(url: str, paths: list[Path]) -> None:
    for path in paths:
        request = urllib.request.Request(f"{url}/instances", data=path.read_bytes())
        urllib.request.urlopen(request, timeout=60).close()


def _count(url: str) -> int:
    with urllib.request.urlopen(f"{url}/statistics", timeout=30) as answer:
        return int(json.load(answer)["CountInstances"])


def test_objects_come_back_as_they_were_sent(orthanc, case):
    client = DICOMwebClient(f"{orthanc}/dicom-web")
    sent = [pydicom.dcmread(io.BytesIO(to_bytes(one))) for one in case.made.objects.values()]
    for _ in range(2):  # the second push changes nothing
        answer = client.store_instances(sent)
        assert not answer.get("FailedSOPSequence")
        assert _count(orthanc) == len(sent)
    found = client.search_for_series(search_filters={"StudyInstanceUID": sent[0].StudyInstanceUID})
    assert len(found) == len(sent)
    for one in sent:
        back = client.retrieve_instance(
            one.StudyInstanceUID, one.SeriesInstanceUID, one.SOPInstanceUID
        )
        assert back == one, one.SeriesDescription


def _poller(url: str, folder: Path, *more: str) -> list[str]:
    return [
        sys.executable, str(PACS / "orthanc_poller.py"), url, "--state", str(folder / "state.json"),
        "--quiet", "0.5", *more, "--command", " ".join(DISCMRI),
    ]  # fmt: skip


def test_the_poller_measures_whole_studies_and_survives_a_kill(orthanc, case, tmp_path):
    files = sorted(path for path in case.study.rglob("*") if path.is_file())
    half = len(files) // 2
    _send(orthanc, files[:half])
    running = subprocess.Popen(_poller(orthanc, tmp_path))
    time.sleep(1.5)  # in the middle of something
    running.send_signal(signal.SIGKILL)
    running.wait()
    _send(orthanc, files[half:])
    subprocess.run(_poller(orthanc, tmp_path, "--once"), check=True, timeout=300)
    client = DICOMwebClient(f"{orthanc}/dicom-web")
    reports = client.search_for_series(search_filters={"Modality": "SR"})
    uids = {one["0020000E"]["Value"][0]: one["0020000D"]["Value"][0] for one in reports}
    study = next(iter(uids.values()))
    rows = []
    for uid in uids:
        for instance in client.retrieve_series(study, uid):
            if instance.SeriesDescription == "discmri values sr":
                instance.save_as(tmp_path / "values.dcm", enforce_file_format=True)
                rows = wide_table(tmp_path / "values.dcm")[1]
    assert rows
    before = _count(orthanc)
    subprocess.run(_poller(orthanc, tmp_path, "--once"), check=True, timeout=60)
    assert _count(orthanc) == before


def test_mercures_contract(case, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    environment = os.environ | {
        "MERCURE_IN_DIR": str(case.study), "MERCURE_OUT_DIR": str(out), "DISCMRI": " ".join(DISCMRI),
    }  # fmt: skip
    subprocess.run(["sh", PACS / "mercure/run.sh"], check=True, env=environment, timeout=300)
    assert {"seg.dcm", "values_sr.dcm", "report_pdf.dcm"} <= {path.name for path in out.iterdir()}
