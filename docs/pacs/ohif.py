"""OHIF beside an archive, from the files of its npm package; for trying, not for patients.

    npm pack @ohif/app@3.13.2 && tar xzf ohif-app-3.13.2.tgz
    python ohif.py package/dist http://localhost:8042/dicom-web

Then open http://localhost:3000/viewer?StudyInstanceUIDs=… in a browser.  Everything comes from this
machine: the page, and images and objects from the archive, which is asked through this server so
that the browser sees one origin.
"""

from __future__ import annotations

import argparse
import urllib.error
import urllib.request
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_WEB = "/dicom-web"
_CONFIG = """
window.config = {
  routerBasename: '/', showStudyList: true, extensions: [], modes: [], showWarningMessageForCrossOrigin: false,
  showCPUFallbackMessage: false, investigationalUseDialog: { option: 'never' },
  defaultDataSourceName: 'archive',
  customizationService: [{ 'ohif.tours': { $set: [] } }],
  dataSources: [{
    namespace: '@ohif/extension-default.dataSourcesModule.dicomweb', sourceName: 'archive',
    configuration: {
      friendlyName: 'archive', name: 'archive', wadoUriRoot: '/dicom-web', qidoRoot: '/dicom-web',
      wadoRoot: '/dicom-web', imageRendering: 'wadors', thumbnailRendering: 'wadors',
      enableStudyLazyLoad: true, supportsFuzzyMatching: false, supportsWildcard: true,
      bulkDataURI: { enabled: true, relativeResolution: 'studies' },
    },
  }],
};
"""


class Handler(SimpleHTTPRequestHandler):
    """Files of OHIF, its settings, and the archive behind ``/dicom-web``."""

    def __init__(self, *args: object, archive: str, **kwargs: object) -> None:
        self.archive = archive.rstrip("/")
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer from the archive, the settings, or a file; any other address is the viewer's."""
        path = self.path.partition("?")[0]
        if path.startswith(_WEB):
            self._from_archive(self.path[len(_WEB) :])
        elif path == "/app-config.js":
            self._answer(200, "text/javascript", _CONFIG.encode())
        else:
            if not Path(self.translate_path(path)).is_file():
                self.path = "/index.html"
            super().do_GET()

    def end_headers(self) -> None:
        """Both headers without which a browser gives no shared memory to workers."""
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _from_archive(self, rest: str) -> None:
        asked = urllib.request.Request(self.archive + rest)
        asked.add_header("Accept", self.headers.get("Accept", "*/*"))
        try:
            with urllib.request.urlopen(asked) as found:
                body, kind = found.read(), found.headers.get("Content-Type", "")
                self._answer(found.status, kind, body)
        except urllib.error.HTTPError as error:
            self._answer(error.code, "text/plain", error.read())

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def server(dist: Path, archive: str, port: int = 3000) -> ThreadingHTTPServer:
    """A server on this machine alone, not yet started."""
    handler = partial(Handler, directory=str(dist), archive=archive)
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dist", type=Path, help="package/dist of @ohif/app")
    parser.add_argument("archive", help="DICOMweb root, such as http://localhost:8042/dicom-web")
    parser.add_argument("--port", type=int, default=3000)
    args = parser.parse_args()
    server(args.dist, args.archive, args.port).serve_forever()
