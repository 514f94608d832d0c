"""An archive started for a test, and a measured phantom to send to it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import SHORT
from tests.results.dicom.conftest import Case, case_of

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
needs_orthanc = pytest.mark.skipif(
    shutil.which("Orthanc", path=os.environ["PATH"] + ":/usr/sbin") is None or not PLUGIN.exists(),
    reason="needs Orthanc with DICOMweb (Debian: orthanc orthanc-dicomweb)",
)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def dicom_port() -> int:
    """Where the archive takes what is sent by C-STORE."""
    return free_port()


@pytest.fixture
def orthanc(tmp_path, dicom_port) -> Iterator[str]:
    port = free_port()
    settings = {
        "Name": "test", "StorageDirectory": str(tmp_path / "db"),
        "IndexDirectory": str(tmp_path / "db"), "Plugins": [str(PLUGIN)], "HttpPort": port,
        "RemoteAccessAllowed": False, "AuthenticationEnabled": False, "DicomPort": dicom_port,
        "DicomAlwaysAllowStore": True, "UnknownSopClassAccepted": False, "DicomWeb": {"Enable": True, "Root": "/dicom-web/"}, "StableAge": 1,
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
    return case_of(phantom, tmp_path_factory.mktemp("pacs") / "phantom", "siemens", SHORT)


def send(url: str, paths: list[Path]) -> None:
    for path in paths:
        request = urllib.request.Request(f"{url}/instances", data=path.read_bytes())
        urllib.request.urlopen(request, timeout=60).close()
