"""A stand-in for the IBM Quantum REST service, on 127.0.0.1, with faults on demand.

The real `QiskitRuntimeService`, its backends, sessions and primitives talk to it as
they would to IBM, so that a test sees what their client does when the network or the
service fails. Jobs are simulated by Aer with a fixed seed: the same request always
gives the same numbers.

    with FakeCloud() as cloud:
        backend = cloud.service().backend("ibm_manila")
        cloud.inject("POST", "/jobs", status=504, after=True)  # accepts, then fails
        ...
        assert len(cloud.jobs) == 1
"""

import json
import os
import re
import socket
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock
from urllib.parse import parse_qs, urlparse

import jwt
import numpy as np
from ibm_quantum_schemas.common import CompressedTensorModel
from ibm_quantum_schemas.executor.version_2_0 import (
    ItemMetadataModel,
    MetadataModel,
    QuantumProgramResultItemModel,
    QuantumProgramResultModel,
)
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime import QiskitRuntimeService
from qiskit_ibm_runtime.fake_provider import FakeManilaV2
from qiskit_ibm_runtime.fake_provider.executor.run_quantum_program import (
    run_quantum_program,
)
from qiskit_ibm_runtime.options_models.simulator import SimulatorOptions
from qiskit_ibm_runtime.quantum_program.converters.converters_2_0 import (
    passthrough_data_to_2_0,
)
from qiskit_ibm_runtime.quantum_program.params_converters import (
    QUANTUM_PROGRAM_PARAMS_CONVERTERS,
)

BACKEND = "ibm_manila"
INSTANCE = "crn:v1:bluemix:public:quantum-computing:us-east:a/account:instance::"
RAN_TOO_LONG = 1305


def connect(url, backoff=0.01, token="token"):
    """Return a real service that talks to the stand-in at `url`.

    `backoff` scales the pauses of the client's own retries (its default is 0.5 s).
    """
    # The variables send the login to the stand-in and skip the search for instances.
    settings = {"IAM_URL": url, "QISKIT_FUNCTIONS_EXPERIMENTAL": "1"}
    with mock.patch.dict(os.environ, settings):
        service = QiskitRuntimeService(
            token=token,
            instance=INSTANCE,
            url=url,
            url_resolver=lambda *_: url,
        )
    service._get_api_client(INSTANCE)._session._initialize_retry(5, 3, backoff)
    return service


@dataclass
class Fault:
    """What goes wrong with the next `times` requests that match."""

    method: str
    path: str
    status: int | None  # None drops the connection
    after: bool  # the service does its work first
    times: float
    hang: float = 0.0  # seconds before anything happens


@dataclass
class Job:
    """One job as the service sees it."""

    body: dict
    id: str = field(default_factory=lambda: f"job-{uuid.uuid4().hex[:12]}")
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    n_shown: int = 0  # how often its state was asked for
    n_hidden: int = 0  # how often a look-up missed it
    outcome: dict | None = None  # how it ended, if not as planned
    text: str | None = None  # its result

    @property
    def tags(self):
        return self.body.get("tags", [])


class FakeCloud:
    """The service: a context manager that starts it and stops it.

    Parameters
    ----------
    queue : int
        How many times a job answers that it is queued before it runs.
    lag : int
        How many look-ups of its tag do not list a new job yet.
    seed : int
        Seed of the simulator.

    Attributes
    ----------
    filters : bool
        Whether a list of jobs respects the tags that were asked for.
    spoil : list of callable
        What makes the next results that are sent out of the right ones.
    """

    def __init__(self, queue=0, lag=0, seed=7):
        self.queue, self.lag, self.seed = queue, lag, seed
        self.jobs = {}
        self.requests = []
        self.outcomes = []  # of the next jobs, first in first out
        self.filters, self.spoil = True, []
        self.sessions = {}
        self._faults, self._lock = [], threading.Lock()

    def __enter__(self):
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def service(self):
        return connect(self.url)

    def inject(self, method, path, status=None, after=False, times=1, hang=0.0):
        """Spoil the next `times` requests whose path matches the pattern `path`."""
        self._faults.append(Fault(method, path, status, after, times, hang))

    def heal(self):
        self._faults.clear()

    def count(self, method, path):
        return sum(
            m == method and re.fullmatch(path, p) is not None for m, p in self.requests
        )

    @property
    def paid(self):
        """The jobs that were not cancelled in the queue."""
        return [
            j for j in self.jobs.values() if self._state(j)["status"] != "Cancelled"
        ]

    def fault(self, method, path):
        with self._lock:
            self.requests.append((method, path))
            for fault in self._faults:
                if fault.method == method and re.fullmatch(fault.path, path):
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                    return fault
        return None

    def answer(self, method, path, query, body):
        """Return the HTTP status and the text of the answer to a request."""
        for verb, pattern, reply in _ROUTES:
            match = re.fullmatch(pattern, path)
            if verb == method and match:
                answer = reply(self, *match.groups(), query=query, body=body)
                return answer if isinstance(answer, tuple) else (200, answer)
        return _refuse(404, f"unknown endpoint {method} {path}")

    def _token(self, query, body):
        now = int(time.time())
        claims = {"iat": now, "exp": now + 3600}
        return {
            "access_token": jwt.encode(claims, "k" * 32),
            "refresh_token": "unused",
            "token_type": "Bearer",
            "expires_in": 3600,
            "expiration": now + 3600,
        }

    def _usage(self, query, body):
        return {"usage_limit_reached": False, "usage_consumed_seconds": 0}

    def _backends(self, query, body):
        device = {"name": BACKEND, "qubits": 5, "status": {"name": "online"}}
        return {"devices": [device | {"queue_length": 0}]}

    def _configuration(self, name, query, body):
        configuration = _read_snapshot(FakeManilaV2.conf_filename)
        return configuration | {"backend_name": name, "simulator": False}

    def _properties(self, name, query, body):
        return _read_snapshot(FakeManilaV2.props_filename)

    def _status(self, name, query, body):
        return {"state": True, "status": "active", "length_queue": 0}

    def _open_session(self, query, body):
        session = {"id": uuid.uuid4().hex, "state": "open", "accepting_jobs": True}
        asked = {"backend_name": body["backend"], "max_ttl": body.get("max_ttl")}
        self.sessions[session["id"]] = session | asked
        return session

    def _show_session(self, session_id, query, body):
        return self.sessions[session_id]

    def close_session(self, session_id, query=None, body=None):
        """Accept no more jobs in a session; those in its queue still run."""
        self.sessions[session_id] |= {"state": "closed", "accepting_jobs": False}
        return {}

    def cancel_session(self, session_id, query=None, body=None):
        """Close a session and cancel the jobs in its queue."""
        for job in self.jobs.values():
            if job.body.get("session_id") == session_id:
                self._cancel(job.id)
        return self.close_session(session_id)

    def _submit(self, query, body):
        session = self.sessions.get(body.get("session_id"))
        if session and not session["accepting_jobs"]:
            return _refuse(400, "Session has been closed.", code=1217)
        with self._lock:
            job = Job(body)
            job.outcome = self.outcomes.pop(0) if self.outcomes else None
            self.jobs[job.id] = job
        return {"id": job.id, "backend": body["backend"]}

    def _find(self, query, body):
        found = []
        for job in reversed(self.jobs.values()):
            if not self.filters or set(query.get("tags", [])) <= set(job.tags):
                found += [job] * (job.n_hidden >= self.lag)
                job.n_hidden += 1
        start, limit = int(query.get("offset", [0])[0]), int(query["limit"][0])
        page = [self._view(job) for job in found[start : start + limit]]
        return {"jobs": page, "count": len(found)}

    def _show(self, job_id, query, body):
        if job_id not in self.jobs:
            return _refuse(404, "Job not found", code=1291)
        self.jobs[job_id].n_shown += 1
        return self._view(self.jobs[job_id])

    def _cancel(self, job_id, query=None, body=None):
        job = self.jobs[job_id]
        if self._state(job).get("status") not in ("Queued", "Running"):
            return _refuse(409, "Job is in a final state")
        job.outcome = {"status": "Cancelled"}
        return {}

    def _metrics(self, job_id, query, body):
        waiting = [
            job for job in self.jobs.values() if self._state(job)["status"] == "Queued"
        ]
        ids = [job.id for job in waiting]
        return {"position_in_queue": ids.index(job_id) + 1 if job_id in ids else None}

    def _results(self, job_id, query, body):
        job = self.jobs[job_id]
        if job.outcome:
            return "Traceback: the job went wrong"
        with self._lock:
            job.text = job.text or simulate(job.body["params"], self.seed)
            return self.spoil.pop(0)(job.text) if self.spoil else job.text

    def _state(self, job):
        if job.outcome is not None:
            return job.outcome
        return {"status": "Completed" if job.n_shown > self.queue else "Queued"}

    def _view(self, job):
        return {
            "id": job.id,
            "backend": job.body["backend"],
            "program": {"id": job.body["program_id"]},
            "tags": job.tags,
            "session_id": job.body.get("session_id"),
            "created": job.created.isoformat(),
            "state": self._state(job),
        }


def _refuse(status, message, code=0):
    return status, {"errors": [{"message": message, "code": code}]}


def _read_snapshot(name):
    return json.loads((Path(FakeManilaV2.dirname) / name).read_text())


def simulate(params, seed):
    """Return the service's answer to an executor program, simulated without noise."""
    converter = QUANTUM_PROGRAM_PARAMS_CONVERTERS["v2.0"]
    program, _ = converter.decoder(converter.model.model_validate(params))
    for item in program.items:
        if hasattr(item, "samplex"):
            item.samplex.finalize()
    options = SimulatorOptions(seed_simulator=seed)
    result = run_quantum_program(AerSimulator(), program, options)
    return QuantumProgramResultModel(
        data=[
            QuantumProgramResultItemModel(
                results={
                    name: CompressedTensorModel.from_numpy(np.asarray(values))
                    for name, values in item.items()
                },
                metadata=ItemMetadataModel(),
            )
            for item in result
        ],
        metadata=MetadataModel(chunk_timing=[]),
        passthrough_data=passthrough_data_to_2_0(result.passthrough_data),
        semantic_role=program._semantic_role,
    ).model_dump_json()


def halved(text):
    """Return a result in which every second shot is missing."""
    result = json.loads(text)
    for item in result["data"]:
        bits = CompressedTensorModel.model_validate(item["results"]["_meas"]).to_numpy()
        half = CompressedTensorModel.from_numpy(bits[..., ::2, :].copy())
        item["results"]["_meas"] = json.loads(half.model_dump_json())
    return json.dumps(result)


_ROUTES = [
    ("POST", "/identity/token", FakeCloud._token),
    ("GET", "/instances/usage", FakeCloud._usage),
    ("GET", "/backends", FakeCloud._backends),
    ("GET", f"/backends/({BACKEND})/configuration", FakeCloud._configuration),
    ("GET", f"/backends/({BACKEND})/properties", FakeCloud._properties),
    ("GET", f"/backends/({BACKEND})/status", FakeCloud._status),
    ("POST", "/sessions", FakeCloud._open_session),
    ("GET", "/sessions/([^/]+)", FakeCloud._show_session),
    ("PATCH", "/sessions/([^/]+)", FakeCloud.close_session),
    ("DELETE", "/sessions/([^/]+)/close", FakeCloud.cancel_session),
    ("POST", "/jobs", FakeCloud._submit),
    ("GET", "/jobs", FakeCloud._find),
    ("GET", "/jobs/([^/]+)", FakeCloud._show),
    ("POST", "/jobs/([^/]+)/cancel", FakeCloud._cancel),
    ("GET", "/jobs/([^/]+)/metrics", FakeCloud._metrics),
    ("GET", "/jobs/([^/]+)/results", FakeCloud._results),
]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Stay silent: clients of a crash test hang up in the middle of a word."""


def _handler(cloud):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_):
            pass

        def handle_request(self):
            url = urlparse(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(length)
            if len(text) < length:  # the client died in the middle of the request
                self.close_connection = True
                return
            is_json = self.headers.get("Content-Type") == "application/json"
            body = json.loads(text) if is_json and text else {}
            fault = cloud.fault(self.command, url.path)
            if fault is not None and fault.hang:
                time.sleep(fault.hang)
            if fault is None or fault.after:
                status, answer = cloud.answer(
                    self.command, url.path, parse_qs(url.query), body
                )
            if fault is not None and fault.status is not None:
                status, answer = _refuse(fault.status, "injected")
            if fault is not None and fault.status is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self._send(status, answer)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_request  # noqa: N815

        def _send(self, status, answer):
            text = answer if isinstance(answer, str) else json.dumps(answer)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

    return Handler
