"""Headwater as an operator runs it: processes of its own, HTTP, a data dir."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import jwt

COMMAND = str(Path(sys.executable).with_name("headwater"))
TENANT = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
SECRET = "a-shared-secret-of-more-than-32-bytes"
PATIENCE = 120.0
"""Seconds for anything to happen on a busy machine."""

STOPPING = 20.0
"""Seconds in which a process must have ended that was asked to."""


def make_environment(data_dir, **settings):
    """Return an environment without any setting of the machine that runs the tests."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER")}
    ours = {
        "data_dir": data_dir,
        "jwt_secret": SECRET,
        "allowed_private_hosts": "127.0.0.1",
        "log_format": "json",
        "port": 0,
        **settings,
    }
    return {**clean, **{f"HEADWATER_{name.upper()}": str(value) for name, value in ours.items()}}


def make_token(tenant=TENANT, **claims):
    scope = "knowledge:read knowledge:write"
    known = {"tenant_id": tenant, "scope": scope, "exp": int(time.time()) + 600}
    return jwt.encode({**known, **claims}, SECRET, algorithm="HS256")


class Service:
    """One running process and its log, line by line."""

    def __init__(self, data_dir, *arguments, **settings) -> None:
        self.log: list[str] = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [COMMAND, *arguments],
            env=make_environment(data_dir, **settings),
            cwd=data_dir,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, args=[self.process.stderr])
        self._reader.start()

    def _read(self, stream):
        for line in stream:
            with self._changed:
                self.log.append(line)
                self._changed.notify_all()
        with self._changed:
            self.log.append("")
            self._changed.notify_all()
        stream.close()

    def wait_for(self, event, **fields):
        """Wait for a log line with these fields; return all of its fields."""
        wanted = {"event": event, **fields}
        with self._changed:
            found = self._changed.wait_for(lambda: self._find(wanted), timeout=PATIENCE)
        assert isinstance(found, dict), f"no {wanted} in the log:\n{''.join(self.log)}"
        return found

    def _find(self, wanted):
        for line in self.log:
            fields = json.loads(line) if line.startswith("{") else {}
            if fields.items() >= wanted.items():
                return fields
        return self.log[-1:] == [""]

    @property
    def url(self):
        """Where it serves its API, once it does."""
        return self.wait_for("serving")["url"]

    def events(self, event: str) -> list[dict[str, Any]]:
        """Return every log line of this event so far."""
        lines = [json.loads(line) for line in self.log if line.startswith("{")]
        return [fields for fields in lines if fields.get("event") == event]

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        self.process.kill()
        self.process.wait()
        self._reader.join()

    def terminate(self):
        """End it as an orchestrator does; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=STOPPING)
        self._reader.join()
        return code


@contextmanager
def run_service(data_dir, *arguments, **settings):
    """Run a command while the block runs; it is killed at the end if it still runs."""
    service = Service(data_dir, *arguments, **settings)
    try:
        yield service
    finally:
        service.kill()


@contextmanager
def serve(data_dir, **settings):
    """Run ``headwater serve``; give the process and a client of its API."""
    with (
        run_service(data_dir, "serve", **settings) as service,
        open_api(service.url) as api,
    ):
        yield service, api


@contextmanager
def open_api(url, tenant=TENANT, **claims):
    headers = {"authorization": f"Bearer {make_token(tenant, **claims)}", "x-tenantid": tenant}
    with httpx2.Client(base_url=url, headers=headers, timeout=PATIENCE) as http:
        yield Api(http, tenant)


class Api:
    """The calls that the tests make."""

    def __init__(self, http, tenant=TENANT) -> None:
        self.http = http
        self.tenant = tenant

    def upload(self, site, space="GEN1", *, incremental=False, job_id="", **credentials):
        body = make_upload(site, space, incremental=incremental, job_id=job_id, **credentials)
        body["pinecone_config"]["tenant_id"] = self.tenant
        answer = self.http.post("/v2/confluence/upload", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def read(self, job_id: str) -> Any:
        answer = self.http.get(f"/v2/confluence/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def cancel(self, job_id):
        answer = self.http.post(f"/v2/confluence/jobs/{job_id}/cancel")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def follow(self, job_id):
        """Yield the job each time it changed, until it is final."""
        with self.http.stream("GET", f"/v2/confluence/jobs/{job_id}/events") as answer:
            assert answer.status_code == 200
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    job = json.loads(line.removeprefix("data:"))
                    if "status" in job:
                        yield job

    def wait_until(self, job_id, reached):
        """Return the job as it was when it reached a state, or as it ended."""
        job = None
        for job in self.follow(job_id):
            if reached(job):
                return job
        return job

    def wait(self, job_id):
        """Return the finished job."""
        return self.wait_until(job_id, is_final)

    def search(self, query, top_k=5):
        config = {"rezolve_domain": "tests.example", "tenant_id": self.tenant}
        body = {"query": query, "pinecone_config": config, "top_k": top_k}
        answer = self.http.post("/v2/confluence/search", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["results"]


def is_final(job):
    return job["status"] in {"succeeded", "partial", "failed", "cancelled"}


def make_upload(site, space, *, incremental=False, job_id="", **credentials):
    authorization = {
        "instance_url": site.instance_url,
        "web_url_instance": site.web_url,
        "username": site.email,
        "api_token": site.token,
    }
    return {
        "authorization": {**authorization, **credentials},
        "content_restriction": {
            "audience": ["all"],
            "blacklisted": False,
            "source_restriction": False,
        },
        "pinecone_config": {"rezolve_domain": "tests.example", "tenant_id": TENANT},
        "sync_config": {
            "sync_configuration_id": "",
            "incremental": incremental,
            "last_sync": "",
            "processor_mode": "auto",
            "use_ocr": False,
        },
        "space": space,
        "job_id": job_id,
    }
