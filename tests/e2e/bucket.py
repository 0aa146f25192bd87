"""As much of Cloud Storage's JSON API as a plain upload needs, over plaintext HTTP."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Bucket(ThreadingHTTPServer):
    """Keeps what is uploaded.

    Attributes:
        objects: (bucket, name) to (content type, content).
        refuses: answers 403 to everything.
        silent: answers nothing until it is closed.
        asked: set once somebody uploads.
    """

    daemon_threads = True

    def __init__(self, *, refuses=False, silent=False):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects = {}
        self.refuses, self.silent = refuses, silent
        self.asked, self.over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.shutdown()
        self._thread.join()
        self.server_close()

    @property
    def env(self):
        return {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{self.server_port}"}

    def texts(self):
        """The last parts of the names, with what is in them."""
        return {
            name.rpartition("/")[2]: content.decode()
            for (_, name), (_, content) in self.objects.items()
        }


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        url = urlsplit(self.path)
        content = self.rfile.read(int(self.headers["Content-Length"]))
        _, *start, bucket, end = url.path.split("/")
        assert (start, end) == (["upload", "storage", "v1", "b"], "o")
        asked = parse_qs(url.query)
        assert asked["uploadType"] == ["media"]
        self.server.asked.set()
        if self.server.silent:
            self.server.over.wait()
            return
        if self.server.refuses:
            error = {"code": 403, "message": "no storage.objects.create access"}
            self._answer(403, {"error": error})
            return
        (name,) = asked["name"]
        self.server.objects[bucket, name] = (self.headers["Content-Type"], content)
        self._answer(200, {"kind": "storage#object", "bucket": bucket, "name": name})

    def _answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
