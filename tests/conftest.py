"""What the tests share: real key files, a running sandbox, a real `http` process."""

import io
import logging
import os
import re
import select
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import hermetic
import jwt
import pytest
import requests
import trustme
from connect_proxy import ConnectProxy
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from filelock import FileLock
from hypothesis import HealthCheck, settings

from requests_nexmo_jwt.cli import main
from requests_nexmo_jwt.sandbox import Sandbox

# No test asserts a time.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")

REPOSITORY = Path(__file__).parent.parent
HTTP = Path(sys.executable).with_name("http")
NEXMO_JWT = Path(sys.executable).with_name("nexmo-jwt")
TYPED = shlex.quote(str(NEXMO_JWT))  # as a shell wants it
AUTH_TYPE = "--auth-type=nexmo-jwt"

#: The sandbox's verdict on a request without a token.
NO_TOKEN = "there is no Authorization header"

# The token at the end of the article "Understanding JWTs", made with ARTICLE_TOKEN in 2018.
ARTICLE_TOKEN = (
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJpYXQiOiIxNTQxMDYwMjMwIiwiZXhwIjoxNTQxMDYwMjkwLCJqdGk"
    "iOiJZNThTRFJ7aTBvZUVwUm5MSlVFaDNnQ09qS292MVl5bSIsImFwcGxpY2F0aW9uX2lkIjoiOWVhZDIwYTktZjdkOC00"
    "YzRmLWExMTEtZTkwMmI1ODUyZmQ0In0.fOFocUiugpE-tzUBSFOQcIYqPiEnK8MBhOTn1QczylIm56ObVcrbLX-7xiHmz"
    "5lMXTkHL3Vf12Iq8NGY9RgNxLwBQ63ZwGk_UxKiYt7RfbJajPfram29ofByznGyGeaT960rqCbVu-wOLtQO-rAarpr2w_"
    "mAuqQulaQNNrXEq5xG6DD5_LQA_4R1s7haXwvtZt7QOSIiJ2RiCDl1a4qlvc_EkjHHeE7FRIQL1CnbYvnbpIjABCpKzcQ"
    "CCKNBQT8NtBEDeDzkZ_Uea2GeDSwJ2GR_eSGR394vVIl93WXFZROBmz_UJWBJQ8GC5WQCyuo6EclsbTfpTVFYK2jh7yhBjw"
)

#: What runs a command and returns what it printed.
Run = Callable[..., subprocess.CompletedProcess[str]]


def pytest_configure(config: pytest.Config) -> None:
    home = tempfile.mkdtemp(prefix="nexmo-jwt-tests-")
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    hermetic.enter(Path(home))


#: What starts a process or a server: fixtures, and what a test calls itself.
STARTS = {"http", "http_with_plugin_folder", "nexmo_jwt_process", "nexmo", "internet", "downloads"}
STARTS |= {"world", "asked", "somebody", "Sandbox", "answering", "serve", "running"}
STARTS |= {"at_a_terminal", "subprocess", "ProcessPoolExecutor", "get_context"}
STARTS |= {"imported_by", "run_with_a_new_key", "today"}


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    for item in items:
        if not STARTS.isdisjoint([*item.fixturenames, *item.function.__code__.co_names]):
            item.add_marker("process")


@pytest.fixture(scope="session", autouse=True)
def folder_of_nobody() -> Iterator[None]:
    """Run the tests in an empty folder: where somebody works, there may be a .vonagerc."""
    before = os.getcwd()
    os.chdir(os.environ["HOME"])
    yield
    os.chdir(before)


@pytest.fixture(scope="session")
def downloads() -> Path:
    """The folder with what make downloaded, for tests that install something elsewhere."""
    folder = Path(sys.prefix) / "downloads"
    if not (folder / "niquests").is_dir():
        if (folder.parent / "installed-tests").exists():
            pytest.fail("make says that it has downloaded everything, and it has not: make clean")
        pytest.skip("make has downloaded nothing; run `make test` once with a network")
    return folder


APPLICATION_ID = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
PASSPHRASE = "correct horse battery staple"

PKCS1, PKCS8 = PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8


class Keys:
    """One RSA key in the forms that people have."""

    def __init__(self) -> None:
        self.object = rsa.generate_private_key(65537, 2048)
        self.public = self.object.public_key()
        self.pkcs8 = self.pem(PKCS8)
        self.pkcs1 = self.pem(PKCS1)
        self.encrypted = self.pem(PKCS8, PASSPHRASE)
        self.encrypted_pkcs1 = self.pem(PKCS1, PASSPHRASE)
        self.public_pem = self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def pem(self, form: PrivateFormat, passphrase: str | None = None) -> bytes:
        lock = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
        return self.object.private_bytes(Encoding.PEM, form, lock)


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys()


@pytest.fixture
def key_file(keys: Keys, tmp_path: Path) -> Path:
    path = tmp_path / "private.key"
    path.write_bytes(keys.pkcs8)
    return path


@pytest.fixture(scope="session")
def nexmo_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def nexmo(nexmo_key: rsa.RSAPrivateKey) -> Iterator[Sandbox]:
    with Sandbox(key=nexmo_key) as sandbox:
        yield sandbox


@pytest.fixture
def http(tmp_path: Path) -> Run:
    """Run a real `http` in a clean home and return what it printed."""
    return http_runner(HTTP, tmp_path / "home")


@pytest.fixture(scope="session")
def http_with_plugin_folder(
    downloads: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Run:
    """Run an `http` that has us where `httpie cli plugins install` puts us, and not beside it."""
    folder = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        folder = folder.parent  # which the workers share, so that one of them installs
    home, bin_folder = folder / "plugin-folder-home", downloads / "httpie" / "bin"
    with FileLock(f"{home}.lock"):
        if not home.exists():
            wheels = (downloads / "wheels").as_uri()
            env = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels, "PIP_NO_COMPILE": "1"}
            installed = subprocess.run(
                [bin_folder / "httpie", "cli", "plugins", "install", REPOSITORY],
                env={**hermetic.environment(home), **env},
                capture_output=True,
                text=True,
                check=False,
            )
            assert installed.returncode == 0, installed
            assert "Can't install" not in installed.stderr
    return http_runner(bin_folder / "http", home)


def http_runner(program: Path, home: Path) -> Run:
    hermetic_env = hermetic.environment(home)

    def run(
        *arguments: str | Path,
        program: Path = program,
        cwd: Path = home,
        env: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, "--ignore-stdin", *arguments],
            cwd=cwd,
            env={**hermetic_env, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


def environment_of(nexmo: Sandbox) -> dict[str, str]:
    """Return the variables in which the credentials of ``nexmo`` are found."""
    return {
        "VONAGE_APPLICATION_ID": nexmo.application_id,
        "VONAGE_PRIVATE_KEY": str(nexmo.private_key),
    }


def dash_a(nexmo: Sandbox, options: str = "") -> str:
    """Return the ``-a`` with the credentials of ``nexmo``."""
    return f"--auth={nexmo.application_id}:{nexmo.private_key}{options}"


def forge(signer: Keys | Sandbox, **change: object) -> str:
    """Sign, with the right key and by PyJWT alone, a token that is right but for ``change``."""
    if isinstance(signer, Keys):
        key, application_id = signer.object, APPLICATION_ID
    else:
        key = load_pem_private_key(signer.private_key.read_bytes(), None)
        application_id = signer.application_id
    now = int(time.time())
    claims = {"application_id": application_id, "iat": now, "exp": now + 900}
    claims |= {"jti": str(uuid.uuid4()), **change}
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, algorithm="RS256")


def send(
    nexmo: Sandbox, token: str | None, method: str = "GET", path: str = "/v1/calls"
) -> requests.Response:
    """Send a token to ``nexmo``, or a request without one."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return requests.request(method, nexmo.url + path, headers=headers, timeout=10)


def address(nexmo: Sandbox) -> tuple[str, int]:
    """Return where ``nexmo`` listens, for a socket."""
    return urlsplit(nexmo.url).hostname, urlsplit(nexmo.url).port


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """Return the warnings that we have logged so far."""

    def warnings() -> list[str]:
        ours = [record for record in caplog.records if record.name == "requests_nexmo_jwt"]
        return [record.getMessage() for record in ours if record.levelno == logging.WARNING]

    with caplog.at_level(logging.INFO, "requests_nexmo_jwt"):
        yield warnings


class TLS:
    """A certificate authority, and servers that it vouches for."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.ca = str(folder / "ca.pem")
        self._ca.cert_pem.write_to_path(self.ca)

    def context(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(name).configure_cert(context)
        return context


@pytest.fixture
def tls(tmp_path: Path) -> TLS:
    return TLS(tmp_path)


@dataclass
class Internet:
    """Two TLS servers with real names, and the proxy that leads there."""

    vonage: Sandbox
    elsewhere: Sandbox
    proxy: ConnectProxy
    ca: str


@pytest.fixture
def internet(tls: TLS) -> Iterator[Internet]:
    with (
        Sandbox(ssl_context=tls.context("api.nexmo.com")) as vonage,
        Sandbox(ssl_context=tls.context("example.com")) as elsewhere,
    ):
        routes = {"api.nexmo.com": address(vonage)[1], "example.com": address(elsewhere)[1]}
        with ConnectProxy(routes) as proxy:
            yield Internet(vonage, elsewhere, proxy, tls.ca)


@pytest.fixture
def nexmo_jwt_process(tmp_path: Path) -> Run:
    """Run a real `nexmo-jwt` in a clean home."""

    def run(
        *arguments: object, env: dict[str, str] | None = None, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [NEXMO_JWT, *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path), **(env or {})},
            input=stdin,
            capture_output=True,
            check=False,
            timeout=60,
        )
        decoded = (result.stdout.decode(), result.stderr.decode())
        assert "Traceback" not in decoded[1]
        assert "\033" not in decoded[0]
        return subprocess.CompletedProcess(result.args, result.returncode, *decoded)

    return run


@pytest.fixture
def nexmo_jwt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> Run:
    """Call the command in a clean home, without the quarter of a second that a process takes."""

    def run(
        *arguments: object, env: dict[str, str] | None = None, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            for name, value in {"HOME": str(tmp_path), **(env or {})}.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            try:
                status = main([str(argument) for argument in arguments])
            except SystemExit as stop:
                status = stop.code
        stdout, stderr = capfd.readouterr()
        assert "\033" not in stdout
        return subprocess.CompletedProcess(arguments, status, stdout, stderr)

    return run


@pytest.fixture
def http_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> Run:
    """Call HTTPie's own main as ``http`` does, without the half second that a process takes."""
    from httpie.cli.definition import parser
    from httpie.context import Environment
    from httpie.core import main as httpie_main

    from httpie_nexmo_jwt import raw_auth

    home = tmp_path / "home"
    hermetic.environment(home)

    def run(
        *arguments: str | Path, cwd: Path = home, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        raw_auth.auth_for.cache_clear()
        with monkeypatch.context() as patch:
            patch.chdir(cwd)
            for name, value in {"HOME": str(home), **(env or {})}.items():
                patch.setenv(name, value)
            patch.setattr(logging.getLogger("requests_nexmo_jwt"), "handlers", [])
            # What HTTPie keeps there must not outlive the run.
            patch.setattr(parser, "args", None, raising=False)
            patch.setattr(parser, "env", None, raising=False)
            config = os.environ.get("HTTPIE_CONFIG_DIR", home / ".config" / "httpie")
            context = Environment(config_dir=Path(config), stdout=sys.stdout, stderr=sys.stderr)
            words = [str(argument) for argument in arguments]
            status = httpie_main(["http", "--ignore-stdin", *words], context)
        return subprocess.CompletedProcess(arguments, int(status), *capfd.readouterr())

    return run


@contextmanager
def answering(*answers: Iterable[bytes] | Callable[[bytes], bytes]) -> Iterator[str]:
    """Run a server that gives each connection the pieces of one answer; yield its URL.

    An answer may be a function of the request.
    """

    def serve() -> None:
        for pieces in answers:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                request = connection.recv(65536)
                for piece in [pieces(request)] if callable(pieces) else pieces:
                    connection.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join()


def key_text_in(shown: str, pem: bytes) -> str | None:
    """Return a piece of the key in ``pem`` that ``shown`` gives away, or None."""
    body = re.sub(rb"-----[^-]*-----|\\[rn]|\s|Proc-Type:.*|DEK-Info:.*", b"", pem).decode("latin1")
    # What every key begins with tells nothing: version, algorithm and lengths.
    for start in range(40, len(body) - 12):
        if body[start : start + 12] in shown:
            return body[start : start + 12]
    return None


def everything_shown_by(error: BaseException, *, frames: bool = False) -> str:
    """Return all that a log, a crash reporter or a debugger gets to see of ``error``.

    With ``frames``, the local variables of our own frames too.
    """
    shown = []
    chain: list[BaseException] = [error]
    for link in chain:
        chain += [e for e in (link.__cause__, link.__context__) if e and e not in chain]
        shown += [str(link), repr(link), repr(link.args), repr(vars(link))]
        shown += traceback.format_exception(link)
        if frames:
            for frame, _ in traceback.walk_tb(link.__traceback__):
                if "nexmo_jwt" in frame.f_globals["__name__"]:
                    shown += [repr(v) for name, v in frame.f_locals.items() if name != "self"]
    return "\n".join(shown)


def at_a_terminal(command: list[str], env: dict[str, str], typed: str | None = None) -> str:
    """Run ``command`` with a terminal of its own and return all that the terminal shows.

    ``typed`` is typed once, when a passphrase is asked for.
    """
    import pty  # Windows has none

    terminal, its_end = pty.openpty()
    # Not pty.fork: a process with threads must not fork by itself.
    launch = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    launch += "os.execv(sys.argv[1], sys.argv[1:])"
    child = subprocess.Popen(
        [sys.executable, "-c", launch, *command],
        env={**os.environ, **env},
        stdin=its_end,
        stdout=its_end,
        stderr=its_end,
        start_new_session=True,
    )
    os.close(its_end)
    shown = b""
    while select.select([terminal], [], [], 20)[0]:
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # the command has ended
            break
        if typed is not None and b"Passphrase for" in shown:
            os.write(terminal, typed.encode("utf-8", "surrogateescape") + b"\n")
            typed = None
    else:
        child.kill()
    os.close(terminal)
    child.wait()
    return shown.decode()
