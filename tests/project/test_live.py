"""`make live`: what it asks the real service, and that its file says nothing of the account."""

import base64
import functools
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import hermetic
import pytest
from conftest import REPOSITORY, key_text_in
from cryptography.hazmat.primitives.asymmetric import rsa
from live import main
from live_questions import QUESTIONS, Redactor, fields_of, steps, written_body

from requests_nexmo_jwt.sandbox import Sandbox, SeenRequest
from requests_nexmo_jwt.vonage.dialects import read

ANSWERS = json.loads((REPOSITORY / "tests/vonage/vonage_answers.json").read_text("utf-8"))
LIVE = REPOSITORY / "tests" / "tools" / "live.py"
WRITTEN = ("headers", "body", "cause")
UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)

#: Runs the script and returns what it printed.
Live = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def live(tmp_path: Path) -> Live:
    return functools.partial(run_live, tmp_path)


def run_live(
    folder: Path, *arguments: object, env: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run the script in a process of its own, with nothing of this machine's owner."""
    result = subprocess.run(
        [sys.executable, LIVE, "--pause", "0", *map(str, arguments)],
        cwd=folder,
        env={**hermetic.environment(folder / "home"), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in result.stderr
    return result


def answers_in(folder: Path) -> list[dict[str, object]]:
    return json.loads((folder / "live-answers.json").read_text(encoding="utf-8"))


class Asked(NamedTuple):
    """One run against a sandbox, with nothing wrong."""

    url: str
    requests: list[SeenRequest]
    result: subprocess.CompletedProcess[str]
    entries: list[dict[str, object]]


@pytest.fixture(scope="module")
def asked(nexmo_key: rsa.RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    folder = tmp_path_factory.mktemp("asked")
    with Sandbox(key=nexmo_key) as nexmo:
        result = run_live(folder, "--url", nexmo.url, env=nexmo.environment)
        assert result.returncode == 0, result
        return Asked(nexmo.url, nexmo.requests, result, answers_in(folder))


def test_all_questions_are_asked_with_get_requests_that_have_no_body(asked: Asked) -> None:
    assert [seen.path for seen in asked.requests] == [product.path for _, product in steps()]
    assert {(seen.method, seen.body) for seen in asked.requests} == {("GET", b"")}
    assert len(asked.requests) <= 30


def test_the_terminal_shows_what_will_be_asked_and_then_each_answer(asked: Asked) -> None:

    announced, _, table = asked.result.stdout.partition("\nquestion ")
    assert "environment: VONAGE_APPLICATION_ID and VONAGE_PRIVATE_KEY (a path)" in announced
    assert f"This sends {len(asked.requests)} GET requests to {asked.url}" in announced
    assert all(question.text in announced for question in QUESTIONS)
    for line in (
        r"the same token again +Voice +200",
        r"iat 2 s ahead \(\d s after the Date\) +Voice +401",
        r"iat 120 s ahead .* Users +401 +invalid +Unauthorized: You did not provide a valid",
        r"exp 25 h after iat +Voice +200",
        r"expired an hour ago +Users +401 +expired",
        r"signed with another key +Messages +401 +invalid +Unauthorised: Invalid Token",
        r"an acl without this path +Users +401 +acl",
        r"x-nexmo-trace-id equals instance in (\d+) of \1 answers that have both",
        r"GET /v1/messages, the answer depends on the token",
        r"Please read the file, then send it in with an issue",
    ):
        assert re.search(line, table), line


def test_the_file_has_each_answer_in_the_form_of_the_known_ones(asked: Asked) -> None:
    assert set(asked.entries[0]) == {*("source", "grade", "endpoint", "status"), *WRITTEN}
    assert {entry["grade"] for entry in asked.entries} == {"sandbox"}  # not "live-test"
    assert [entry["status"] for entry in asked.entries] == [seen.status for seen in asked.requests]
    for entry, (question, _) in zip(asked.entries, steps(), strict=True):
        assert str(entry["cause"]).startswith(question.text)
    voice, users, *_, refused = asked.entries
    assert voice["endpoint"] == "<loopback> /v1/calls"
    assert users["body"] == '{"page_size": …, "_embedded": …, "_links": …}'
    assert json.loads(refused["body"]) == {
        "title": "Unauthorised",
        "detail": "Invalid Token",
        "instance": "<trace id>",
    }
    headers = refused["headers"]
    assert headers.pop("date").endswith(" GMT")
    assert headers == {
        "content-length": "<present>",
        "content-type": "application/json",
        "x-nexmo-trace-id": "<same as instance>",
        "x-sandbox-verdict": "<present>",
    }


def test_each_token_is_wrong_in_the_one_way_that_its_question_says(asked: Asked) -> None:
    verdicts: dict[str, set[str]] = {}
    claims = {}
    for (question, _), seen in zip(steps(), asked.requests, strict=True):
        verdicts.setdefault(question.text, set()).add(seen.verdict)
        claims[question.text] = seen.claims
    assert {text for text, found in verdicts.items() if found == {"accepted"}} == {
        *("a good token", "the same token again", "exp 25 h after iat", "exp 10 s after iat"),
        *("iat and exp as strings", "iat left out, exp present", "nbf equal to iat"),
        *("a claim of no API", "an acl with /v1 in place of /*", "an acl as JSON text"),
        *("iat and exp in milliseconds", "nbf in milliseconds"),
    }
    assert (
        claims["nbf in milliseconds"]["nbf"] > 1e12 < claims["iat and exp in milliseconds"]["iat"]
    )
    assert isinstance(claims["an acl as JSON text"]["acl"], str)
    assert lifetime(claims["exp 25 h after iat"]) == 25 * 3600
    assert lifetime(claims["exp 10 s after iat"]) == 10
    assert lifetime(claims["iat 30 s ahead"]) == 900
    assert isinstance(claims["iat and exp as strings"]["iat"], str)
    assert "iat" not in claims["iat left out, exp present"]
    for text, words in (
        ("signed with another key", "signature does not match"),
        ("an unknown application id", "is not the sandbox's"),
        ("an acl without this path", "acl does not permit GET"),
        ("iat 2 s ahead", "iat"),
        ("nbf an hour ahead", "nbf"),
        ("expired an hour ago", "exp"),
    ):
        assert all(words in verdict for verdict in verdicts[text])
    jtis = [seen.claims["jti"] for seen in asked.requests]
    assert len(set(jtis)) == len(jtis) - 1  # one token is sent twice


def lifetime(claims: dict[str, int]) -> int:
    return claims["exp"] - claims["iat"]


@contextmanager
def reflecting(*, as_json: bool) -> Iterator[tuple[str, list[str]]]:
    """Run a server that sends all that it gets back, in each part of an answer.

    It accepts the first token. Yield its URL, and the tokens that it got.
    """
    tokens: list[str] = []

    class Reflects(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            token = self.headers["Authorization"].removeprefix("Bearer ")
            status = 401 if tokens else 200
            tokens.append(token)
            texts = texts_of(token, f"{self.requestline}\n{self.headers}{self.client_address}")
            fields = {"title": texts[0], "detail": " ".join(texts), "code": token, token: token}
            fields |= {"instance": token, "errors": texts[5:9], "account": {"name": token}}
            fields |= {"error": {texts[1]: texts[1]}, "type": f"https://x/#{texts[1]}"}
            body = json.dumps(fields) if as_json else texts[(len(tokens) - 2) % len(texts)]
            self.send_response(status, token)
            for name in ("X-Nexmo-Trace-Id", "Content-Type", "WWW-Authenticate", "Date", token):
                self.send_header(name, f"{token} {texts[1]} {texts[2]}")
            self.send_header(f"X-{texts[1]}", texts[1])
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Reflects) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", tokens
        server.shutdown()


def texts_of(token: str, request: str) -> list[str]:
    """Return a token's parts as servers might write them."""
    claims = claims_of(token)
    application_id, jti = claims["application_id"], claims["jti"]
    signature = token.rpartition(".")[2]
    return [
        request,
        application_id,
        jti,
        application_id.upper(),
        application_id.replace("-", ""),
        json.dumps(claims),
        f"the application '{application_id}' of Jane@example.com (447700900123, abcd1234)",
        f"user 'Jane Doe' at 203.0.113.7 or 2001:db8::7, +44 (7700) 900-123, USR-{jti}",
        *(token.upper(), signature, signature[:60], signature[-60:], token[10:]),
        "S3cretS3 abcd1234 UnusedSecret",
    ]


def claims_of(token: str) -> dict[str, object]:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.mark.parametrize("as_json", [True, False], ids=["JSON", "plain text"])
def test_a_server_that_reflects_everything_puts_nothing_of_it_into_the_file(
    as_json: bool, live: Live, nexmo: Sandbox, tmp_path: Path
) -> None:
    env = {**nexmo.environment, "VONAGE_API_KEY": "abcd1234", "VONAGE_API_SECRET": "S3cretS3"}
    env |= {"NEXMO_API_SECRET": "UnusedSecret"}
    with reflecting(as_json=as_json) as (url, tokens):
        result = live("--url", url, env=env)
    assert result.returncode == 0, result
    assert len(tokens) == len(list(steps()))
    written = (tmp_path / "live-answers.json").read_text(encoding="utf-8")
    fingerprint = nexmo.auth().fingerprint.partition(":")[2]
    names = [nexmo.application_id, nexmo.application_id.replace("-", ""), fingerprint]
    names += ["abcd1234", "S3cretS3", "UnusedSecret", str(nexmo.private_key), "eyJ", "127.0.0.1"]
    names += ["jane", "example.com", "7700", "203.0.113.7", "2001:db8"]
    for token in tokens:
        names += [*token.split("."), token[-40:], token[-60:-20], str(claims_of(token)["jti"])]
    # The announcement names the server, and where the credentials came from.
    table = result.stdout.partition("\nquestion ")[2]
    for shown in (written, table, result.stderr):
        assert [name for name in names if name.lower() in shown.lower()] == []
        assert not UUID.search(shown)
        assert key_text_in(shown, nexmo.private_key.read_bytes()) is None
    entries = answers_in(tmp_path)
    assert len(entries) == len(tokens)
    if as_json:
        # Of the user's data, the names of the fields; of a refusal, the fields.
        assert entries[0]["body"].count("…") == len(json.loads(entries[1]["body"])) == 9
        assert "<application id>" in entries[1]["body"]
        assert entries[1]["headers"]["date"] == "<not an HTTP date>"


def refused_in(result: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence, or two, with which the script ended."""
    assert result.returncode == 1, result
    return re.fullmatch(r"make live: (.*)\n", result.stderr, re.DOTALL)[1]


NO_CREDENTIALS = {"VONAGE_APPLICATION_ID": "", "VONAGE_PRIVATE_KEY": ""}


@pytest.mark.parametrize(
    ("arguments", "change", "words"),
    [
        ((), {"CI": "true"}, "The variable CI is set"),
        ((), NO_CREDENTIALS, "No credentials were found"),
        (("--output", "missing/answers.json"), {}, "cannot write missing/answers.json: No such fi"),
    ],
    ids=["CI", "no credentials", "output"],
)
def test_nothing_is_sent_where_something_is_wrong_before(
    arguments: tuple[str, ...],
    change: dict[str, str],
    words: str,
    live: Live,
    nexmo: Sandbox,
    tmp_path: Path,
) -> None:
    env = {**nexmo.environment, "NEXMO_LIVE_URL": nexmo.url, **change}
    assert words in refused_in(live(*arguments, env=env))
    assert nexmo.requests == []
    assert not (tmp_path / "live-answers.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--url", "https://example.com"], "names https://example.com. Tokens of a real account"),
        (["--url", "http://api.nexmo.com"], "are sent to https://api.nexmo.com only"),
        (["--url", "https://api.nexmo.com:8443"], "are sent to https://api.nexmo.com only"),
        (["--url", "https://me:secret@api.nexmo.com"], "names https://...@api.nexmo.com. Tokens"),
        (["--url", "http://127.0.0.1:9/v1/calls"], "has a path"),
        (["--url", "http://127.0.0.1:9"], "would see the tokens in clear text"),
        (["--pause", "0.1"], "--pause is 0.1 s. Give 0.25 s or more"),
    ],
)
def test_tokens_go_to_vonage_over_tls_and_slowly_or_to_this_machine(
    arguments: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert main(arguments) == 1
    assert words in capsys.readouterr().err


def test_it_stops_where_a_good_token_is_refused_and_names_the_command_that_says_why(
    live: Live, nexmo: Sandbox, tmp_path: Path
) -> None:
    env = {**nexmo.environment, "VONAGE_APPLICATION_ID": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"}
    said = refused_in(live("--url", nexmo.url, env=env))
    assert "Voice does not accept a good token (status 401)" in said
    assert f"nexmo-jwt check --url {nexmo.url}/v1/calls" in said
    assert len(nexmo.requests) == 1
    assert not (tmp_path / "live-answers.json").exists()


def test_it_stops_at_a_429_and_keeps_the_answers_so_far(
    live: Live, nexmo: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "live-answers.json").write_text("from before")
    nexmo.answer("GET", "/v1/messages", 429)
    assert "The server answered 429" in refused_in(live("--url", nexmo.url, env=nexmo.environment))
    assert [entry["status"] for entry in answers_in(tmp_path)] == [200, 200, 429]


def test_without_an_answer_it_says_what_to_look_at(live: Live, nexmo: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    said = refused_in(live("--url", f"http://127.0.0.1:{port}", env=nexmo.environment))
    assert "a good token, Voice: no answer" in said
    assert "refuses connections. Check that the server runs, and on this port." in said


def test_the_tokens_have_the_time_of_a_server_whose_clock_is_off(
    live: Live, nexmo: Sandbox
) -> None:
    """A good token is accepted by a clock that is ahead; iat must be ahead of that clock."""
    nexmo.clock_offset = 300
    result = live("--url", nexmo.url, env=nexmo.environment)
    assert re.search(r"iat 120 s ahead \(1(19|20) s after the Date\) +Voice +401", result.stdout)


@pytest.mark.parametrize("answer", [a for a in ANSWERS if fields_of(a["body"].encode())])
def test_the_words_of_the_refusals_that_are_known_are_kept(answer: dict[str, object]) -> None:
    written = read(written_body(401, answer["body"].encode(), Redactor()).encode(), {})
    assert written.code == answer["code"]
    kept = re.split(r"<[\w ]+>|…", written.text)
    assert re.fullmatch(".*".join(map(re.escape, kept)), answer["text"])


@pytest.mark.parametrize("before", range(1980, 2002, 3))
def test_half_an_id_at_the_end_of_what_is_read_is_not_kept(before: int) -> None:
    """Placeholders are short, so the end of a long text can move to where it is written."""
    text = f"eyJ{'a' * (before - 4)} abcdefab-cdef-abcd-efab-cdefabcdefab"
    assert Redactor()(text).strip() in ("", "<token>", "<token> <UUID>")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("from 10.0.0.1.", "from <IP address>."),
        ("from fe80::1:2", "from <IP address>"),
        ("Account acc6111f has none", "Account <redacted> has none"),
        ("no conversation CON-abcdefab-cdef-abcd-efab-cdefabcdefab", "no conversation <UUID>"),
        ("key AKIA_secret-part_of_something-3", "key <redacted>"),
        ("call 447700900123", "call <number>"),
        ("write to jane@example.co.uk", "write to <email>"),
        ("no user 'Jane Doe', 'acl' is right", "no user '<quoted>', 'acl' is right"),
        ("the \x1b[2J terminal", "the \\x1b[2J terminal"),
        *(
            (words, words)
            for words in (
                "Request header 'Authorization' missing",
                "alg is not RS256: use 2048 bits, at most 24 h (401)",
                "You can't use the users' tokens on /v1/calls",
                "https://developer.nexmo.com/api/conversation#system:error:invalid-token",
            )
        ),
    ],
)
def test_what_may_identify_somebody_is_replaced_and_other_words_are_kept(
    text: str, written: str
) -> None:
    assert Redactor()(text) == written
