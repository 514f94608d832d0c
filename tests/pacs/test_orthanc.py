"""The recipes of ``docs/pacs`` against a real server."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pydicom
from dicomweb_client.api import DICOMwebClient
from pynetdicom import AE
from tests.pacs.conftest import needs_orthanc, send

from discmri.results.dicom.instance import to_bytes
from discmri.results.dicom.show import wide_table

PACS = Path(__file__).parents[2] / "docs/pacs"
DISCMRI = [sys.executable, "-m", "discmri"]
pytestmark = needs_orthanc


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


def test_objects_are_taken_by_c_store(orthanc, dicom_port, case):
    sent = [pydicom.dcmread(io.BytesIO(to_bytes(one))) for one in case.made.objects.values()]
    sender = AE()
    for one in sent:
        sender.add_requested_context(one.SOPClassUID, one.file_meta.TransferSyntaxUID)
    association = sender.associate("127.0.0.1", dicom_port)
    assert association.is_established
    for _ in range(2):  # the second push changes nothing
        assert {association.send_c_store(one).Status for one in sent} == {0x0000}
        assert _count(orthanc) == len(sent)
    association.release()
    client = DICOMwebClient(f"{orthanc}/dicom-web")
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
    send(orthanc, files[:half])
    running = subprocess.Popen(_poller(orthanc, tmp_path))
    time.sleep(1.5)  # in the middle of something
    running.send_signal(signal.SIGKILL)
    running.wait()
    send(orthanc, files[half:])
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
