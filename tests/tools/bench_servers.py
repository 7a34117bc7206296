"""The processes that `make bench` starts: an HTTPS server, and clients beside their peers.

The peers live in .venv/peers, a venv of their own that has this package too. So what is compared
runs in one process, with the same requests, PyJWT and cryptography. That venv has no pytest and no
trustme: this module imports neither.

Each command prints JSON, or the port that it listens on.
"""

import functools
import itertools
import json
import os
import resource
import socket
import ssl
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from requests.auth import HTTPBasicAuth

from requests_nexmo_jwt import NexmoJWT

Job = Callable[[], float]  # does something once and returns the seconds that it took, or its rate
Maker = Callable[[], str | bytes]  # returns a new Authorization header

CALLS = "https://api.nexmo.com/v1/calls"


def in_turns(*jobs: Job, turns: int) -> list[list[float]]:
    """Do all ``jobs`` in each turn, and return what each job measured."""
    for job in jobs:
        job()
    return [list(job) for job in zip(*([job() for job in jobs] for _ in range(turns)), strict=True)]


def timed(function: Callable[[], object]) -> Job:
    """Return a job that calls ``function`` once."""

    def job() -> float:
        started = time.perf_counter()
        function()
        return time.perf_counter() - started

    return job


def cpu_of(command: list[str | Path], **variables: str) -> Job:
    """Return a job that runs ``command`` and returns the CPU time that it used."""
    env = {**os.environ, **variables}

    def used() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime

    def job() -> float:
        before = used()
        subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL, timeout=60)
        return used() - before

    return job


# One Authorization header. Each function prepares a client and returns what makes a header.


def ours_call(application_id: str, key_file: Path) -> Maker:
    auth = NexmoJWT(application_id, key_file)
    urls = [f"{CALLS}/{number}" for number in range(1000)]
    another = itertools.cycle([requests.Request("GET", url).prepare() for url in urls])
    return lambda: auth(next(another)).headers["Authorization"]


def ours_header(application_id: str, key_file: Path) -> Maker:
    return functools.partial(NexmoJWT(application_id, key_file).header, CALLS)


def claims(application_id: str) -> dict[str, str | int]:
    """Return the claims that Vonage asks for, for a library that does not know them."""
    now = int(time.time())
    return {
        "application_id": application_id,
        "iat": now,
        "jti": str(uuid.uuid4()),
        "exp": now + 900,
    }


def pyjwt(application_id: str, key_file: Path) -> Maker:
    key = load_pem_private_key(key_file.read_bytes(), None)
    return lambda: "Bearer " + jwt.encode(claims(application_id), key, algorithm="RS256")


def google_auth(application_id: str, key_file: Path) -> Maker:
    from google.auth import crypt
    from google.auth import jwt as google_jwt

    signer = crypt.RSASigner.from_string(key_file.read_bytes())
    return lambda: b"Bearer " + google_jwt.encode(signer, claims(application_id))


def vonage_jwt(application_id: str, key_file: Path) -> Maker:
    from vonage_jwt import JwtClient

    client = JwtClient(application_id, str(key_file))
    return lambda: b"Bearer " + client.generate_application_jwt()


def vonage(application_id: str, key_file: Path) -> Maker:
    from vonage import Auth

    auth = Auth(application_id=application_id, private_key=str(key_file))
    return auth.create_jwt_auth_string


HEADERS = {
    "NexmoJWT(...)(request)": ours_call,
    "NexmoJWT.header(url)": ours_header,
    "PyJWT alone, key parsed beforehand": pyjwt,
    "google-auth: jwt.encode, RSASigner": google_auth,
    "vonage-jwt: generate_application_jwt": vonage_jwt,
    "vonage: create_jwt_auth_string": vonage,
}


def headers(application_id: str, key_file: Path, seconds: float) -> Iterator[dict]:
    """Measure each of ``HEADERS`` for some seconds, in turns with a bare signature."""
    key = load_pem_private_key(key_file.read_bytes(), None)
    signing_input = ours_header(application_id, key_file)()[7:].rpartition(".")[0].encode()
    bare = timed(lambda: key.sign(signing_input, PKCS1v15(), SHA256()))
    for name, prepare in HEADERS.items():
        try:
            make = prepare(application_id, key_file)
            check(make(), application_id, key.public_key())
            turn = bare() + timed(make)()
            turns = min(3000, max(10, int(seconds / turn)))
            signature, header = in_turns(bare, timed(make), turns=turns)
        except Exception as error:
            yield {"name": name, "not_measured": reason(error)}
        else:
            yield {"name": name, "values": header, "others": signature}


def check(header: str | bytes, application_id: str, public_key: object) -> None:
    """Raise unless ``header`` has a token for the application, made with its key."""
    text = header.decode() if isinstance(header, bytes) else header
    token = jwt.decode(text.removeprefix("Bearer "), public_key, algorithms=["RS256"])
    if token["application_id"] != application_id:
        raise ValueError("the token is for another application")


def reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


# Requests a second. Each function returns what sends one request and returns the decoded answer.


def session_with(auth: object) -> Callable[[str], Callable[[], dict]]:
    def client(url: str) -> Callable[[], dict]:
        session = requests.Session()
        session.auth = auth
        return lambda: session.get(url, timeout=30).json()

    return client


def vonage_client(application_id: str, key_file: Path) -> Callable[[str], Callable[[], dict]]:
    from vonage import Auth
    from vonage_http_client import HttpClient

    auth = Auth(application_id=application_id, private_key=str(key_file))

    def client(url: str) -> Callable[[], dict]:
        parts = urlsplit(url)
        http = HttpClient(auth)
        return lambda: http.get(parts.netloc, parts.path)

    return client


# Name of a row: what prepares its client, and the kind of credentials that the server must see.
CLIENTS = {
    "no auth": (lambda *_: session_with(None), ""),
    "HTTPBasicAuth": (lambda *_: session_with(HTTPBasicAuth("key", "secret")), "Basic"),
    "NexmoJWT": (lambda *args: session_with(NexmoJWT(*args)), "Bearer"),
    "vonage: HttpClient.get": (vonage_client, "Bearer"),
}


def requests_per_second(
    application_id: str, key_file: Path, url: str, threads: int, turns: int
) -> Iterator[dict]:
    """Measure all of ``CLIENTS`` in turns, each thread with a kept-alive session of its own."""
    jobs, failed = {}, {}
    with ThreadPoolExecutor(threads) as pool:
        for name, (prepare, scheme) in CLIENTS.items():
            try:
                client = prepare(application_id, key_file)
                gets = [client(url) for _ in range(threads)]
                seen = [get()["authorization"] for get in gets]
                if seen != [scheme] * threads:
                    raise ValueError(f"the server saw {seen}")
                jobs[name] = functools.partial(rate, pool, gets)
            except Exception as error:
                failed[name] = reason(error)
        measured = dict(zip(jobs, in_turns(*jobs.values(), turns=turns), strict=True))
    for name in CLIENTS:
        if name in failed:
            yield {"name": name, "not_measured": failed[name]}
        else:
            yield {"name": name, "values": measured[name], "others": measured["no auth"]}


def rate(pool: ThreadPoolExecutor, gets: list[Callable[[], dict]], seconds: float = 0.2) -> float:
    """Return the requests a second that all threads reach together."""

    def of_thread(get: Callable[[], dict]) -> float:
        started, done = time.perf_counter(), 0
        while (passed := time.perf_counter() - started) < seconds or not done:
            get()
            done += 1
        return done / passed

    return sum(pool.map(of_thread, gets))


def serve(certificate: str) -> None:
    """Answer over HTTPS, one thread for each connection, until the process is ended."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            accepted, _ = listener.accept()
            threading.Thread(target=talk, args=(context, accepted), daemon=True).start()


def talk(context: ssl.SSLContext, accepted: socket.socket) -> None:
    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with context.wrap_socket(accepted, server_side=True) as connection:
        unread = b""
        while data := connection.recv(65536):
            unread += data
            while b"\r\n\r\n" in unread:
                request, _, unread = unread.partition(b"\r\n\r\n")
                connection.sendall(answer(request))


def answer(request: bytes) -> bytes:
    """Return an answer that names the kind of credentials that the request carries."""
    _, _, value = request.partition(b"\r\nAuthorization: ")
    body = json.dumps({"authorization": value.partition(b" ")[0].decode()})
    head = f"HTTP/1.1 200 OK\r\nDate: {formatdate(usegmt=True)}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


# For `node -e`: argv is the folder with node_modules, the application id, the key and the turns.
NODE = """
const [folder, id, file, turns] = process.argv.slice(1);
const crypto = require("node:crypto");
const pem = require("node:fs").readFileSync(file, "utf8");
const { tokenGenerate } = require(folder + "/node_modules/@vonage/jwt");
const key = crypto.createPrivateKey(pem);
const token = tokenGenerate(id, pem);
const end = token.lastIndexOf(".");
const signingInput = Buffer.from(token.slice(0, end));
const signature = Buffer.from(token.slice(end + 1), "base64url");
if (!crypto.verify("sha256", signingInput, crypto.createPublicKey(key), signature)) throw Error();
const bare = () => crypto.sign("sha256", signingInput, key);
const header = () => "Bearer " + tokenGenerate(id, pem);
const timed = (job) => {
  const started = process.hrtime.bigint();
  job();
  return Number(process.hrtime.bigint() - started) / 1e9;
};
for (let i = 0; i < 100; i++) { bare(); header(); }
const values = [], others = [];
for (let i = 0; i < turns; i++) { others.push(timed(bare)); values.push(timed(header)); }
console.log(JSON.stringify({ values, others }));
"""


def main(command: str, *arguments: str) -> None:
    if command == "serve":
        serve(*arguments)
    elif command == "headers":
        application_id, key_file, seconds = arguments
        print(json.dumps(list(headers(application_id, Path(key_file), float(seconds)))))
    elif command == "requests":
        application_id, key_file, url, threads, turns = arguments
        found = requests_per_second(application_id, Path(key_file), url, int(threads), int(turns))
        print(json.dumps(list(found)))


if __name__ == "__main__":
    main(*sys.argv[1:])
