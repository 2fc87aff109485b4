"""A stop in the middle ends within its bounds, and the job goes on after the next start."""

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from headwater.cli.serving import CUT_OFF
from tests.e2e.conftest import DOCUMENTS, FIRST_GROUP
from tests.e2e.service_process import serve


class Endpoint(BaseHTTPRequestHandler):
    """Embeds single texts at once; of more it lets somebody wait until it is told to go on."""

    asked = threading.Event()
    may_go_on = threading.Event()

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if len(body["input"]) > 1:
            self.asked.set()
            self.may_go_on.wait(60)
        data = [
            {"object": "embedding", "index": place, "embedding": [1.0] * 8}
            for place, _ in enumerate(body["input"])
        ]
        answer = {"object": "list", "data": data, "model": body["model"], "usage": {}}
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        with_peer_gone = (BrokenPipeError, ConnectionResetError)
        try:
            self.wfile.write(text)
        except with_peer_gone:
            self.close_connection = True

    def log_message(self, *_):
        pass


@contextmanager
def run_endpoint():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        Endpoint.may_go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_stop_does_not_wait_for_a_slow_embedder(data_dir, site):
    with run_endpoint() as url:
        settings = {"embedder": "openai", "embedder_url": url, "embedder_model": "slow"}
        with serve(data_dir, **settings) as (service, api):
            job_id = api.upload(site)
            assert Endpoint.asked.wait(60)
            assert service.terminate() == 0
        Endpoint.may_go_on.set()
        with serve(data_dir, **settings) as (_, api):
            job = api.wait(job_id)
    assert job["status"] == "succeeded"
    assert job["progress"]["documents"]["added"] == DOCUMENTS


def test_a_stop_does_not_wait_for_a_slow_confluence(data_dir, site, gate):
    with serve(data_dir) as (service, api):
        job_id = api.upload(site)
        job = api.wait_until(
            job_id, lambda job: job["progress"]["documents"]["done"] >= FIRST_GROUP
        )
        assert job["status"] == "running"
        assert service.terminate() == 0
    gate.open()
    with serve(data_dir) as (_, api):
        assert api.wait(job_id)["progress"]["documents"]["added"] == DOCUMENTS


HANGING = """
import threading
from headwater.cli import serving

serving.STOP_SECONDS = 0.1
serving._start_bound()
threading.Event().wait()
"""


def test_what_never_lets_go_is_cut_off():
    ended = subprocess.run([sys.executable, "-c", HANGING], timeout=60, check=False)
    assert ended.returncode == CUT_OFF
