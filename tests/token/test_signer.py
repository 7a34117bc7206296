"""A token, and a signer that is sent to other processes."""

import copy
import json
import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import jwt
import pytest
import requests
from conftest import APPLICATION_ID, PASSPHRASE, Keys, key_text_in

from requests_nexmo_jwt import CredentialsError, NexmoJWT, PrivateKeyError
from requests_nexmo_jwt.sandbox import Sandbox


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl")
def test_openssl_verifies_the_signature(keys: Keys, tmp_path: Path) -> None:
    signed, _, signature = NexmoJWT(APPLICATION_ID, keys.object).token().rpartition(".")
    (tmp_path / "public.pem").write_bytes(keys.public_pem)
    (tmp_path / "signature").write_bytes(jwt.utils.base64url_decode(signature))
    command = ["openssl", "dgst", "-sha256", "-verify", "public.pem", "-signature", "signature"]
    result = subprocess.run(
        command, cwd=tmp_path, input=signed.encode(), capture_output=True, check=False
    )
    assert result.stdout == b"Verified OK\n"


@pytest.mark.downloads
def test_jose_of_npm_verifies_the_token(keys: Keys, downloads: Path, tmp_path: Path) -> None:
    if not (downloads / "node_modules" / "jose").exists() or not shutil.which("node"):
        pytest.skip("jose is not installed: make found no npm, or no network")
    (tmp_path / "node_modules").symlink_to(downloads / "node_modules")
    (tmp_path / "verify.mjs").write_text(
        "import { importSPKI, jwtVerify } from 'jose'\n"
        "const [pem, token] = process.argv.slice(2)\n"
        "const key = await importSPKI(pem, 'RS256')\n"
        "const verified = await jwtVerify(token, key, { algorithms: ['RS256'], typ: 'JWT' })\n"
        "console.log(JSON.stringify(verified.payload))\n"
    )
    token = NexmoJWT(APPLICATION_ID, keys.object, acl=["/*/calls/**"], sub="alice").token()
    command = ["node", "verify.mjs", keys.public_pem, token]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == jwt.decode(token, options={"verify_signature": False})


def test_a_repr_shows_the_application_and_the_fingerprint_and_no_key(keys: Keys) -> None:
    auth = NexmoJWT(APPLICATION_ID, keys.pkcs8, sub="alice")
    assert repr(auth).startswith(f"NexmoJWT(application_id='{APPLICATION_ID}', key='SHA256:")
    for shown in (repr(auth), str(auth), f"{auth!r:}", repr(vars(auth))):
        assert key_text_in(shown, keys.pkcs8) is None


def test_objects_that_say_the_same_are_equal_and_a_copy_is_the_object(
    keys: Keys, key_file: Path
) -> None:
    auth = NexmoJWT(APPLICATION_ID, keys.object)
    assert auth == NexmoJWT(APPLICATION_ID, key_file)
    assert copy.copy(auth) is auth
    assert copy.deepcopy({"auth": auth})["auth"] is auth
    other_key = Keys().object
    for other in (
        NexmoJWT("another", keys.object),
        NexmoJWT(APPLICATION_ID, other_key),
        NexmoJWT(APPLICATION_ID, keys.object, ttl=60),
        NexmoJWT(APPLICATION_ID, keys.object, sub="alice"),
        NexmoJWT(APPLICATION_ID, keys.object, hosts=["api.nexmo.com"]),
        requests.auth.HTTPBasicAuth("a", "b"),
        None,
    ):
        assert auth != other


# What Python 3.12 says of every fork here: the sandbox is a thread.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")


def call(auth: NexmoJWT, url: str) -> list[int]:
    with requests.Session() as session:
        return [session.get(url, auth=auth, timeout=30).status_code for _ in range(5)]


def tokens(auth: NexmoJWT, count: int) -> list[str]:
    return [auth.token() for _ in range(count)]


def process(auth: NexmoJWT) -> int:
    return os.getpid()


@pytest.fixture
def by_environment(nexmo: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VONAGE_APPLICATION_ID", nexmo.application_id)
    monkeypatch.setenv("VONAGE_PRIVATE_KEY", nexmo.private_key.read_text())


@pytest.fixture(params=["path", "environment", "Vonage CLI file"])
def auth(
    request: pytest.FixtureRequest,
    nexmo: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> NexmoJWT:
    """An auth object from each place that another process can find again."""
    if request.param == "environment":
        request.getfixturevalue("by_environment")
    elif request.param == "Vonage CLI file":
        pem = nexmo.private_key.read_text().replace("\n", "\\n")
        config = f'{{"app-id": "{nexmo.application_id}", "private-key": "{pem}"}}'
        (tmp_path / ".vonagerc").write_text(config)
        monkeypatch.chdir(tmp_path)
    else:
        return NexmoJWT(nexmo.application_id, nexmo.private_key, ttl=60, sub="alice")
    return NexmoJWT(ttl=60, sub="alice")


def test_a_pickle_holds_the_claims_and_no_key_also_that_of_a_session(
    auth: NexmoJWT, nexmo: Sandbox
) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        data = pickle.dumps(auth, protocol)
        assert key_text_in(data.decode("latin1"), nexmo.private_key.read_bytes()) is None
        assert b"BEGIN" not in data
        again = pickle.loads(data)
        assert again.source == auth.source
        assert f"key={auth.source!r}" in repr(again)  # the key itself is not loaded yet
        claims = jwt.decode(again.token(), options={"verify_signature": False})
        assert claims["exp"] - claims["iat"] == 60
        assert claims["sub"] == "alice"
        assert again == auth
        assert repr(again) == repr(auth)
        assert pickle.loads(pickle.dumps(again)) == auth
    with requests.Session() as session:
        session.auth = auth
        with pickle.loads(pickle.dumps(session)) as copied:
            assert copied.get(f"{nexmo.url}/v1/calls", timeout=10).ok


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes_sign_with_it(method: str, nexmo: Sandbox) -> None:
    auth = NexmoJWT(nexmo.application_id, nexmo.private_key)
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        jobs = [pool.submit(call, auth, f"{nexmo.url}/v1/calls") for _ in range(6)]
        assert [job.result(60) for job in jobs] == [[200] * 5] * 6
    assert len({seen.claims["jti"] for seen in nexmo.requests}) == 30


def child_tokens(auth: NexmoJWT, queue: multiprocessing.SimpleQueue) -> None:
    queue.put(tokens(auth, 200))


def test_no_two_forked_processes_make_the_same_jti(key_file: Path) -> None:
    context = multiprocessing.get_context("fork")
    auth = NexmoJWT(APPLICATION_ID, key_file)
    auth.token()  # whatever state there is, is there before the fork
    queue = context.SimpleQueue()
    children = [context.Process(target=child_tokens, args=(auth, queue)) for _ in range(3)]
    for child in children:
        child.start()
    made = tokens(auth, 200) + [token for _ in children for token in queue.get()]
    for child in children:
        child.join()
    said = [jwt.decode(token, options={"verify_signature": False})["jti"] for token in made]
    assert len(set(said)) == 800


def run_with_a_new_key(script: str, key_file: Path) -> None:
    """Run ``script``, whose arguments are ``key_file`` and a file with another key."""
    new = key_file.with_name("new.key")
    new.write_bytes(Keys().pkcs8)
    # Python 3.12 and later warn of each fork beside a thread.
    command = [sys.executable, "-W", "ignore", "-c", script, key_file, new]
    subprocess.run(command, check=True, timeout=60)


def test_a_child_that_was_forked_while_a_key_was_loaded_takes_the_next_key(key_file: Path) -> None:
    """The lock that a thread of the parent holds must not be held for ever in the child."""
    script = (
        "import os, sys\n"
        "from requests_nexmo_jwt import NexmoJWT\n"
        "from requests_nexmo_jwt.credentials import key as keys\n"
        "path, new = sys.argv[1:]\n"
        "auth = NexmoJWT('id', path)\n"
        "before = repr(auth)\n"
        "keys.loading.acquire()\n"
        "if os.fork() == 0:\n"
        "    os.replace(new, path)\n"
        "    auth.token()\n"
        "    os._exit(repr(auth) == before)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))\n"
    )
    run_with_a_new_key(script, key_file)


def test_a_child_that_was_forked_while_a_key_was_parsed_parses_it_too(key_file: Path) -> None:
    """What the thread that parsed knew of the file must not be all that the child knows."""
    script = (
        "import os, sys, threading\n"
        "from requests_nexmo_jwt import NexmoJWT\n"
        "path, new = sys.argv[1:]\n"
        "auth, then = NexmoJWT('id', path), NexmoJWT('id', new)\n"
        "os.replace(new, path)\n"
        "reached, forked = threading.Event(), threading.Event()\n"
        "def pause(frame, event, arg):\n"
        "    if (event, frame.f_code.co_name) == ('call', 'parse'):\n"
        "        reached.set()\n"
        "        forked.wait()\n"
        "threading.setprofile(pause)  # for threads that are started from here on\n"
        "thread = threading.Thread(target=auth.token)\n"
        "thread.start()\n"
        "assert reached.wait(30)\n"
        "if os.fork() == 0:\n"
        "    auth.token()\n"
        "    os._exit(auth != then)\n"
        "forked.set()\n"
        "sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))\n"
    )
    run_with_a_new_key(script, key_file)


@pytest.mark.parametrize("form", ["pkcs8", "pem text", "object", "passphrase"])
def test_what_would_write_a_secret_down_is_not_pickled(
    form: str, keys: Keys, key_file: Path
) -> None:
    if form == "passphrase":
        key_file.write_bytes(keys.encrypted)
        auth = NexmoJWT(APPLICATION_ID, key_file, passphrase=PASSPHRASE)
    else:
        given = keys.pkcs8.decode() if form == "pem text" else getattr(keys, form)
        auth = NexmoJWT(APPLICATION_ID, given)
    with requests.Session() as session:
        session.auth = auth
        for thing in (auth, session):
            with pytest.raises(PrivateKeyError, match=r"path of a key file.*environment"):
                pickle.dumps(thing)
    with ProcessPoolExecutor(1) as pool, pytest.raises(PrivateKeyError, match="environment"):
        pool.submit(process, auth).result(60)


def test_an_encrypted_key_travels_with_its_passphrase_in_the_environment(
    keys: Keys, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file.write_bytes(keys.encrypted)
    monkeypatch.setenv("VONAGE_PRIVATE_KEY_PASSPHRASE", PASSPHRASE)
    data = pickle.dumps(NexmoJWT(APPLICATION_ID, key_file))
    assert PASSPHRASE.encode() not in data
    assert pickle.loads(data) == NexmoJWT(APPLICATION_ID, keys.object)


def test_a_clock_offset_stays_on_the_machine_that_has_the_clock(nexmo: Sandbox) -> None:
    nexmo.clock_offset = -3600
    auth = nexmo.auth()
    assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).ok
    there = jwt.decode(
        pickle.loads(pickle.dumps(auth)).token(), options={"verify_signature": False}
    )
    assert abs(there["iat"] - time.time()) < 5


def test_hosts_travel_too(key_file: Path) -> None:
    auth = pickle.loads(pickle.dumps(NexmoJWT(APPLICATION_ID, key_file, hosts=["*.example.com"])))
    request = requests.Request("GET", "https://api.example.com/", auth=auth).prepare()
    assert "Authorization" in request.headers


def test_a_worker_without_the_key_file_says_so_and_lives_on(key_file: Path) -> None:
    auth = NexmoJWT(APPLICATION_ID, key_file)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        there = pool.submit(process, auth).result(60)
        key_file.unlink()
        with pytest.raises(PrivateKeyError, match="does not exist"):
            pool.submit(tokens, auth, 1).result(60)
        assert pool.submit(process, auth).result(60) == there


@pytest.mark.usefixtures("by_environment")
def test_a_worker_with_another_environment_says_so(
    nexmo: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = pickle.loads(pickle.dumps(NexmoJWT()))
    monkeypatch.setenv("VONAGE_APPLICATION_ID", "another")
    with pytest.raises(CredentialsError, match=r"another process.* Here: .* is for 'another'"):
        auth.token()
    monkeypatch.setenv("VONAGE_APPLICATION_ID", nexmo.private_key.read_text())
    with pytest.raises(CredentialsError, match="VONAGE_APPLICATION_ID contains a private key"):
        auth.token()
    monkeypatch.delenv("VONAGE_APPLICATION_ID")
    with pytest.raises(CredentialsError, match=r"VONAGE_APPLICATION_ID \(not set, though"):
        auth.token()
    monkeypatch.setenv("VONAGE_APPLICATION_ID", nexmo.application_id)
    assert auth.token()
