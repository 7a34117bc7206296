"""The `nexmo-jwt` command: as a real process where streams, terminals and signals matter."""

import errno
import io
import itertools
import json
import os
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import pytest
import requests
import trustme
from conftest import APPLICATION_ID, PASSPHRASE, Keys, answering, at_a_terminal, key_text_in
from connect_proxy import ConnectProxy

from requests_nexmo_jwt.cli import main
from requests_nexmo_jwt.sandbox import Sandbox

SCRIPT = [str(Path(sys.executable).with_name("nexmo-jwt"))]
TYPED = shlex.quote(SCRIPT[0])  # as a shell wants it
MODULE = [sys.executable, "-m", "requests_nexmo_jwt"]

# The token at the end of the article "Understanding JWTs", made with PAW in 2018.
PAW = (
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJpYXQiOiIxNTQxMDYwMjMwIiwiZXhwIjoxNTQxMDYwMjkwLCJqdGk"
    "iOiJZNThTRFJ7aTBvZUVwUm5MSlVFaDNnQ09qS292MVl5bSIsImFwcGxpY2F0aW9uX2lkIjoiOWVhZDIwYTktZjdkOC00"
    "YzRmLWExMTEtZTkwMmI1ODUyZmQ0In0.fOFocUiugpE-tzUBSFOQcIYqPiEnK8MBhOTn1QczylIm56ObVcrbLX-7xiHmz"
    "5lMXTkHL3Vf12Iq8NGY9RgNxLwBQ63ZwGk_UxKiYt7RfbJajPfram29ofByznGyGeaT960rqCbVu-wOLtQO-rAarpr2w_"
    "mAuqQulaQNNrXEq5xG6DD5_LQA_4R1s7haXwvtZt7QOSIiJ2RiCDl1a4qlvc_EkjHHeE7FRIQL1CnbYvnbpIjABCpKzcQ"
    "CCKNBQT8NtBEDeDzkZ_Uea2GeDSwJ2GR_eSGR394vVIl93WXFZROBmz_UJWBJQ8GC5WQCyuo6EclsbTfpTVFYK2jh7yhBjw"
)


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def process(tmp_path: Path) -> Run:
    """Run a real `nexmo-jwt` in a clean home."""

    def run(
        *arguments: object, env: dict[str, str] | None = None, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [*SCRIPT, *map(str, arguments)],
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
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> Run:
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


def credentials(nexmo: Sandbox) -> dict[str, str]:
    return {
        "VONAGE_APPLICATION_ID": nexmo.application_id,
        "VONAGE_PRIVATE_KEY": str(nexmo.private_key),
    }


def claims_in(result: subprocess.CompletedProcess[str], nexmo: Sandbox) -> dict[str, object]:
    """Send what `nexmo-jwt token` printed to the sandbox and return what it read."""
    headers = {"Authorization": f"Bearer {result.stdout.rstrip()}"}
    response = requests.get(f"{nexmo.url}/v1/echo", headers=headers, timeout=10)
    assert response.ok, response.text
    return response.json()["claims"]


# ---- token -----------------------------------------------------------------------------------


def test_token_prints_a_token_and_nothing_else(process: Run, nexmo: Sandbox) -> None:
    result = process("token", env=credentials(nexmo))
    assert (result.returncode, result.stderr) == (0, "")
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", result.stdout)
    assert set(claims_in(result, nexmo)) == {"application_id", "iat", "exp", "jti"}


def test_token_puts_in_what_is_asked_for(run: Run, nexmo: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "acl.json").write_text('{"paths": {"/*/users/**": {"filters": {}}}}')
    result = run(
        *("token", "--app-id", nexmo.application_id, "--private-key", nexmo.private_key),
        *("--ttl", 60, "--sub", "alice", "--not-before", "-5", "--claim", 'x={"a": [1, null]}'),
        *("--acl", "/v1/calls", "--acl", "GET,POST:/*/echo", "--acl", "@acl.json"),
    )
    claims = claims_in(result, nexmo)
    assert claims["exp"] - claims["iat"] == 60
    assert claims["nbf"] - claims["iat"] in (-5, -6)
    assert claims["sub"] == "alice"
    assert claims["x"] == {"a": [1, None]}
    assert claims["acl"]["paths"] == {
        "/v1/calls": {},
        "/*/echo": {"methods": ["GET", "POST"]},
        "/*/users/**": {"filters": {}},
    }


def test_token_prints_the_whole_header(run: Run, nexmo: Sandbox) -> None:
    line = run("token", "--header", env=credentials(nexmo)).stdout.rstrip("\n")
    name, _, value = line.partition(": ")
    assert name == "Authorization"
    assert requests.get(nexmo.url, headers={name: value}, timeout=10).ok


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
def test_the_curl_line_of_the_readme_works(nexmo: Sandbox) -> None:
    line = f'curl -s -H "Authorization: Bearer $({TYPED} token)" {nexmo.url}/v1/calls'
    env = {**os.environ, **credentials(nexmo)}
    result = subprocess.run(line, shell=True, env=env, capture_output=True, check=True)
    assert b'"_embedded"' in result.stdout


# Arguments after `token`, the exit status, and words on stderr.
BAD_TOKENS = [
    (["--ttl", "29"], 2, "ttl is 29 s"),
    (["--ttl", "soon"], 2, "no whole number of seconds"),
    (["--ttl", "9" * 5000], 2, "no whole number of seconds"),
    (["--sub", ""], 2, "sub is ''"),
    (["--acl", "calls"], 2, "neither a path"),
    (["--acl", "get:/x"], 2, "neither a path"),
    (["--acl", "@nowhere.json"], 2, "cannot read 'nowhere.json'"),
    (["--acl", "@/dev/null"], 2, "is not JSON"),
    (["--acl", "@/dev/zero"], 2, "is not JSON"),
    (["--acl", "@deep.json"], 2, "is not JSON"),
    (["--acl", "@list.json"], 2, 'not of the form {"paths"'),
    (["--acl", "@more.json"], 2, 'not of the form {"paths"'),
    (["--acl", "/a", "--acl", "GET:/a"], 2, "names '/a' twice"),
    (["--acl", "@none.json"], 2, "acl names no path"),
    (["--acl", "@codes.json", "--acl", "@other.json"], 2, r"names '/\x1b[31m' twice"),
    (["\x1b[31m"], 2, r"unrecognized arguments: \x1b[31m"),
    (["--claim", "x"], 2, "NAME=JSON"),
    (["--claim", "=1"], 2, "NAME=JSON"),
    (["--claim", "x=text"], 2, "a string has quotes"),
    (["--claim", "x=NaN"], 2, "written as JSON"),
    (["--claim", "exp=5"], 2, "made for each token"),
    (["--claim", "x=1", "--claim", "x=2"], 2, "one claim twice"),
    (["--not-before", "900"], 2, "never be valid"),
    (["--private-key", "nowhere.key"], 2, "--private-key needs --app-id beside it"),
    (["--app-id", "x"], 2, "--app-id needs --private-key beside it"),
    (["--app-id", "", "--private-key", "nowhere.key"], 2, "--app-id: it is empty"),
    (["--app-id", "x", "--private-key", " "], 2, "--private-key: it is empty"),
    (["--app-id", "x", "--private-key", "nowhere.key"], 1, "nowhere.key' does not exist"),
    (["--app-id", "x", "--private-key", "."], 1, "is a folder"),
    (["--bogus"], 2, "unrecognized"),
]


@pytest.mark.parametrize(("arguments", "status", "words"), BAD_TOKENS)
def test_a_token_that_cannot_be_made_is_told(
    arguments: list[str], status: int, words: str, run: Run, nexmo: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "none.json").write_text('{"paths": {}}')
    (tmp_path / "codes.json").write_text('{"paths": {"/\\u001b[31m": {}}}')
    (tmp_path / "other.json").write_text('{"paths": {"/\\u001b[31m": {"methods": ["GET"]}}}')
    (tmp_path / "list.json").write_text('["/v1/calls"]')
    (tmp_path / "more.json").write_text('{"paths": {"/v1/calls": {}}, "path": {}}')
    result = run("token", *arguments, env=credentials(nexmo))
    assert (result.returncode, result.stdout) == (status, "")
    assert words in result.stderr


# Where the text of a key may land, quoted as it should be or not.
MISPLACED_KEYS = [
    *(["token", option, "{pem}"] for option in ("--ttl", "--sub", "--acl", "--claim", "--app-id")),
    ["token", "--acl", "{base64}"],
    ["token", "--acl", "@{pem}"],
    ["token", "--claim", "{base64}={base64}"],
    ["token", "--claim", 'x="{base64} -----BEGIN PRIVATE KEY-----"'],
    ["token", "--app-id", "x", "--private-key", "{pem}"],
    ["token", "--app-id", "x", "--private-key={words}"],
    ["token", "--app-id", "x", "--private-key", "{base64}"],
    ["token", "--app-id", "{base64}", "--private-key", "private.key"],
    ["inspect", "{base64}"],
    ["inspect", PAW, "--app-id", "{pem}", "--private-key", "private.key"],
    ["check", "--app-id", "{pem}", "--private-key", "private.key"],
    ["check", "--app-id", "{base64}", "--private-key", "private.key"],
    ["check", "--token", "{pem}"],
    ["check", "--url", "https://{base64}/"],
    ["sandbox", "--port", "{pem}"],
    ["{base64}"],
]


@pytest.mark.parametrize("command", MISPLACED_KEYS, ids=" ".join)
def test_key_text_in_the_wrong_place_is_never_shown(
    command: list[str], run: Run, nexmo: Sandbox, key_file: Path, keys: Keys
) -> None:
    pem = keys.pkcs8.decode()
    arguments: list[str] = []
    for part in command:
        if part.endswith("{words}"):  # as the shell splits what has no quotes around it
            arguments += part.replace("{words}", pem).split()
        else:
            base64 = "".join(pem.splitlines()[1:-1])
            arguments.append(part.replace("{pem}", pem).replace("{base64}", base64))
    result = run(*arguments, env=credentials(nexmo))
    assert result.returncode in (1, 2)
    if command[0] != "inspect":
        assert "nexmo-jwt" in result.stderr
    assert key_text_in(result.stdout + result.stderr, keys.pkcs8) is None


@pytest.mark.parametrize(
    ("command", "status", "stdout", "stderr"),
    [
        ("inspect - >/dev/full", 1, "", "No space left"),
        ("inspect - 0>/dev/null", 1, "", "stdin cannot be read"),
        ("check --app-id '\x1b[' --private-key k", 1, "application: \\x1b[", "be printed"),
    ],
)
def test_a_full_disk_and_an_unreadable_stdin_are_told(
    command: str, status: int, stdout: str, stderr: str, nexmo: Sandbox, tmp_path: Path
) -> None:
    result = subprocess.run(
        f"{TYPED} {command}",
        shell=True,
        cwd=tmp_path,
        env={**os.environ, **credentials(nexmo)},
        input=PAW.encode(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == status
    assert stdout in result.stdout.decode() if stdout else result.stdout == b""
    assert b"\033" not in result.stdout + result.stderr
    assert stderr in result.stderr.decode()
    assert len(result.stderr.splitlines()) <= 1


def test_without_credentials_the_places_are_listed(run: Run) -> None:
    result = run("token")
    assert result.returncode == 1
    assert result.stderr.startswith("nexmo-jwt: No credentials were found. Looked at: VONAGE_")


def test_an_encrypted_key_is_asked_for_on_a_terminal_only(
    run: Run, keys: Keys, tmp_path: Path
) -> None:
    (tmp_path / "locked.key").write_bytes(keys.encrypted)
    arguments = ["token", "--app-id", "x", "--private-key", str(tmp_path / "locked.key")]
    shown = at_a_terminal([*SCRIPT, *arguments], {"HOME": str(tmp_path)}, PASSPHRASE)
    assert shown.count("Passphrase for") == 1
    assert "eyJ" in shown
    assert PASSPHRASE not in shown
    env = {"VONAGE_PRIVATE_KEY_PASSPHRASE": PASSPHRASE}
    assert run(*arguments, env=env).stdout.startswith("eyJ")
    token = signed(keys)
    arguments = ["inspect", token, "--private-key", str(tmp_path / "locked.key")]
    shown = at_a_terminal([*SCRIPT, *arguments], {"HOME": str(tmp_path)}, PASSPHRASE)
    assert "the signature is by the key at hand" in shown
    assert "by the key at hand" in run(*arguments, env=env).stdout


def test_a_closed_pipe_and_a_full_disk_are_no_traceback(nexmo: Sandbox) -> None:
    env = {**os.environ, **credentials(nexmo)}
    command = f"{TYPED} token | true"
    result = subprocess.run(command, shell=True, env=env, capture_output=True, check=True)
    assert result.stderr == b""
    result = subprocess.run(
        f"{TYPED} token > /dev/full", shell=True, env=env, capture_output=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr == b"nexmo-jwt: cannot write the result: No space left on device.\n"


# ---- inspect ---------------------------------------------------------------------------------


def signed(keys: Keys, **change: object) -> str:
    now = int(time.time())
    claims = {"application_id": APPLICATION_ID, "iat": now, "exp": now + 900}
    claims |= {"jti": str(uuid.uuid4()), **change}
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, keys.object, algorithm="RS256")


def raw(header: str, claims: str) -> str:
    parts = [jwt.utils.base64url_encode(text.encode()).decode() for text in (header, claims)]
    return ".".join([*parts, ""])


def test_the_token_of_the_article_is_told_its_faults(run: Run) -> None:
    result = run("inspect", PAW)
    assert result.returncode == 1
    assert '"1541060230"  2018-11-01 08:17:10 UTC' in result.stdout
    assert re.search(
        r"1541060290  2018-11-01 08:18:10 UTC, \d+ days ago, 60 s after iat", result.stdout
    )
    assert "✗ iat is '1541060230'; it must be Unix seconds, an integer" in result.stdout
    assert re.search(r"✗ expired \d+ days ago", result.stdout)
    assert "✓ application_id" in result.stdout
    assert "? the signature was not verified: there is no key at hand" in result.stdout


@pytest.mark.parametrize(
    "wrapped",
    [
        "{}",
        "  {}\n",
        "Bearer {}",
        "Authorization: Bearer {}",
        "authorization:bearer   {}\r\n",
        "curl https://api.nexmo.com/v1/calls -H 'Authorization: Bearer {}' -H 'X: y'",
        'curl "https://api.nexmo.com/v1/calls" \\\n  -H "Authorization: Bearer {}"',
        "the token is {} and that is all",
        "the bearer token is {} and that is all",
        "WWW-Authenticate: Bearer realm=api.nexmo.com\nAuthorization: Bearer {}",
        "The Bearer token. Authorization: Bearer {}",
    ],
)
def test_inspect_finds_the_token_in_what_people_paste(wrapped: str, run: Run) -> None:
    result = run("inspect", wrapped.format(PAW))
    assert '"9ead20a9-f7d8-4c4f-a111-e902b5852fd4"' in result.stdout


def test_inspect_finds_it_on_stdin_too(run: Run) -> None:
    result = run(
        "inspect",
        "-",
        stdin=f"curl -H 'Authorization: Bearer {PAW}' \
 x".encode(),
    )
    assert '"9ead20a9-f7d8-4c4f-a111-e902b5852fd4"' in result.stdout


def test_a_good_token_keeps_every_rule_and_says_how_long(run: Run, keys: Keys) -> None:
    result = run("inspect", signed(keys, sub="alice", nbf=int(time.time())))
    assert result.returncode == 0
    assert re.search(r"exp .* UTC, in 14 min, 900 s after iat", result.stdout)
    assert result.stdout.count("✓") == 9
    assert "✗" not in result.stdout


# What a token says, at a time, and the words of its rule.
RULES = [
    (lambda now: {"iat": None}, "✗ iat is None"),
    (lambda now: {"iat": now + 5000, "exp": now + 6000}, "✗ iat is 1 hour in the future"),
    (lambda now: {"iat": now - 260_000, "exp": now - 259_300}, "✗ expired 3 days ago"),
    (lambda now: {"exp": now + 200_000}, "✗ exp is 200000 s after iat; it must be 30 to 86400 s"),
    (lambda now: {"nbf": now + 880}, "✗ nbf is 14 min in the future"),
    (lambda now: {"jti": None}, "✗ jti is missing"),
    (lambda now: {"application_id": None}, "✗ application_id is missing"),
    (lambda now: {"acl": ["/a"]}, "✗ acl is ['/a']"),
    (lambda now: {"iat": now, "exp": None}, "✓ exp: not there: Nexmo takes 15 min after iat"),
]


@pytest.mark.parametrize(("change", "words"), RULES, ids=itertools.count())
def test_each_rule_is_told_with_its_reason(
    change: Callable[[int], dict[str, object]], words: str, run: Run, keys: Keys
) -> None:
    claims = {"iat": int(time.time()), **change(int(time.time()))}
    result = run("inspect", signed(keys, **claims))
    assert result.returncode == ("✗" in words)
    assert words in result.stdout


HOSTILE = {
    "HS256": (raw('{"alg":"HS256","typ":"JWT"}', '{"iat":1}') + "AAAA", "✗ alg is 'HS256'"),
    "none": (raw('{"alg":"none"}', "{}"), "✗ alg is 'none'"),
    "no typ": (raw('{"alg":"RS256"}', "{}") + "AAAA", "✗ typ is None"),
    "claims twice": (
        raw('{"alg":"RS256","typ":"JWT"}', '{"iat":1,"iat":2}') + "AAAA",
        "✗ 'iat' is there more than once",
    ),
    "alg twice": (
        raw('{"alg":"none","alg":"RS256","typ":"JWT"}', "{}") + "AAAA",
        "'alg' is there more",
    ),
    "terminal codes": (
        raw('{"alg":"RS256","typ":"JWT"}', '{"sub":"\\u001b[2J\\u009b","\\u001b]0;x\\u0007":1}')
        + "AAAA",
        "\\u001b[2J",
    ),
    "terminal codes twice": (
        raw('{"alg":"RS256","typ":"JWT"}', '{"\\u001b[2J":1,"\\u001b[2J\\u0007":1,"\\u001b[2J":2}')
        + "AAAA",
        "✗ '\\x1b[2J' is there more than once",
    ),
    "terminal codes in what is critical": (
        raw('{"alg":"RS256","typ":"JWT","crit":["\\u001b[2J"]}', "{}") + "AAAA",
        "1b[2J",  # in the header, or where PyJWT knows "crit", in an error
    ),
    "not a number": (raw('{"alg":"RS256"}', '{"x":NaN}') + "AAAA", "no JSON Web Token"),
    "a huge number": (
        raw('{"alg":"RS256","typ":"JWT"}', '{"exp":' + "9" * 4000 + "}") + "A" * 4,
        "exp",
    ),
    "far future": (
        raw('{"alg":"RS256","typ":"JWT"}', '{"exp":9007199254740991}') + "AAAA",
        "calendars",
    ),
    "claims are a list": (raw('{"alg":"RS256"}', "[]") + "AAAA", "no JSON Web Token"),
    "claims are deep": (raw('{"alg":"RS256"}', "[" * 20_000) + "AAAA", "no JSON Web Token"),
    "a.b.c": ("a.b.c", "no JSON Web Token"),
    "two dots": ("..", "no JSON Web Token"),
    "one word": ("hello", "no JSON Web Token"),
    "empty": ("", "The token is empty"),
    "white space": (" \n", "The token is empty"),
    "Bearer alone": ("Authorization: Bearer ", "no JSON Web Token"),
    "prose": ("there is none in here", "no token in this text"),
    "not ASCII": ("é.ü.ß", "no JSON Web Token"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_inspect_survives_hostile_tokens(case: str, run: Run) -> None:
    token, words = HOSTILE[case]
    result = run("inspect", token)
    assert result.returncode == 1
    assert words in result.stdout + result.stderr
    assert "\x9b" not in result.stdout
    assert "\x07" not in result.stdout
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize(
    ("stdin", "words"),
    [
        (b"", "The token is empty"),
        (bytes(range(256)) * 8, "no token in this text"),
        (b"\0" * 100, "no JSON Web Token"),
        (b"eyJ" * 1_000_000, "more than 1 MiB"),
    ],
)
def test_inspect_survives_whatever_is_on_stdin(stdin: bytes, words: str, run: Run) -> None:
    result = run("inspect", "-", stdin=stdin)
    assert (result.returncode, result.stdout) == (1, "")
    assert words in result.stderr


def test_inspect_says_it_verified_only_what_it_verified(
    run: Run, keys: Keys, nexmo: Sandbox, key_file: Path
) -> None:
    token = signed(keys)
    unverified = run("inspect", token)
    assert "not verified" in unverified.stdout
    mine = run("inspect", token, "--private-key", key_file)
    assert "✓ the signature is by the key at hand, SHA256:" in mine.stdout
    assert mine.returncode == 0
    theirs = run("inspect", token, env=credentials(nexmo))
    assert "✗ the signature is not by the key at hand" in theirs.stdout
    assert (
        f"the key of application '{nexmo.application_id}', not of '{APPLICATION_ID}'"
        in theirs.stdout
    )
    assert theirs.returncode == 1
    header, claims, signature = token.split(".")
    for forged in (f"{header}.{claims}.", f"{header}.{claims}.{signature[:-4]}AAAA"):
        assert "✗ the signature is not" in run("inspect", forged, "--private-key", key_file).stdout
    half = run("inspect", token, "--app-id", "x")
    assert (half.returncode, half.stdout) == (2, "")
    assert "--app-id needs --private-key beside it" in half.stderr
    broken = run("inspect", token, env={"VONAGE_APPLICATION_ID": "x"})
    assert "not verified: VONAGE_APPLICATION_ID is set" in broken.stdout
    assert broken.returncode == 0


def test_inspect_prints_json_for_machines(run: Run, keys: Keys) -> None:
    good = json.loads(run("inspect", "--json", signed(keys)).stdout)
    assert good["ok"] is True
    assert good["signature"]["verified"] is None
    assert good["header"] == {"alg": "RS256", "typ": "JWT"}
    bad = json.loads(run("inspect", "--json", PAW).stdout)
    assert bad["ok"] is False
    assert {rule["name"] for rule in bad["rules"] if not rule["kept"]} == {"iat", "exp"}
    assert bad["claims"]["iat"] == "1541060230"


def test_marks_are_ascii_where_the_terminal_has_no_others(process: Run, keys: Keys) -> None:
    strange = process("inspect", signed(keys, iat="é"), env={"PYTHONIOENCODING": "ascii"})
    assert "x iat is '\\xe9'; it must be" in strange.stdout
    result = process("inspect", PAW, env={"PYTHONIOENCODING": "ascii"})
    assert "  x iat is" in result.stdout
    assert "  + jti" in result.stdout


@pytest.mark.parametrize(
    ("variable", "coloured"),
    [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False)],
)
def test_colour_is_for_terminals_that_want_it(
    variable: dict[str, str], coloured: bool, tmp_path: Path
) -> None:
    command = [*SCRIPT, "inspect", PAW]
    shown = at_a_terminal(command, {"HOME": str(tmp_path), **variable})
    assert ("\033[31m" in shown) == coloured


# ---- check -----------------------------------------------------------------------------------


def test_check_says_that_all_is_well(process: Run, nexmo: Sandbox) -> None:
    result = process("check", "--url", f"{nexmo.url}/v1/calls", env=credentials(nexmo))
    assert result.returncode == 0, result
    for words in (
        "credentials: environment: VONAGE_APPLICATION_ID and VONAGE_PRIVATE_KEY (a path)",
        f"application: {nexmo.application_id}\n",
        "RSA, 2048 bits, PKCS#8 PEM",
        nexmo.auth().fingerprint,
        f"only you can read {nexmo.private_key} (mode 0600)",
        "200 OK",
    ):
        assert words in result.stdout
    assert re.search(r"clock: +within \d s, by the server's Date", result.stdout)
    assert "BEGIN PUBLIC KEY" not in result.stdout


def test_check_prints_the_public_key_on_request_and_never_the_private_one(
    run: Run, nexmo: Sandbox, keys: Keys, tmp_path: Path
) -> None:
    nexmo.accept_key(keys.public)
    (tmp_path / "locked.key").write_bytes(keys.encrypted_pkcs1)
    (tmp_path / "locked.key").chmod(0o644)
    (tmp_path / ".vonagerc").write_text(
        json.dumps({"app-id": nexmo.application_id, "private-key": "locked.key"})
    )
    env = {"VONAGE_PRIVATE_KEY_PASSPHRASE": PASSPHRASE}
    result = run("check", "--public-key", "--url", nexmo.url, env=env)
    assert result.returncode == 0, result
    assert keys.public_pem.decode() in result.stdout
    assert "encrypted PKCS#1 PEM" in result.stdout
    assert (
        "looked at before: VONAGE_APPLICATION_ID (not set), NEXMO_APPLICATION_ID" in result.stdout
    )
    assert "others can read" in result.stdout
    assert "chmod 600" in result.stdout
    for pem in (keys.encrypted_pkcs1, keys.pkcs1, keys.pkcs8):
        body = re.sub(rb"MII.{60}", b"", pem)
        assert key_text_in(result.stdout.replace(keys.public_pem.decode(), ""), body) is None


def first_cause(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 1
    return re.search(r"^  1\. (.*)$", result.stdout, re.M)[1]


def test_four_broken_setups_have_four_right_diagnoses(
    run: Run, nexmo: Sandbox, key_file: Path, keys: Keys
) -> None:
    ask = ("check", "--url", f"{nexmo.url}/v1/calls")
    other_key = run(*ask, "--app-id", nexmo.application_id, "--private-key", key_file)
    assert "does not belong to application" in first_cause(other_key)
    assert "Compare the public key" in other_key.stdout
    assert other_key.stderr == ""

    other_id = run(*ask, "--app-id", APPLICATION_ID, "--private-key", nexmo.private_key)
    assert f"There is no application '{APPLICATION_ID}'" in first_cause(other_id)

    now = int(time.time())
    nexmo.accept_key(keys.public)
    old = signed(keys, application_id=nexmo.application_id, iat=now - 7500, exp=now - 7200)
    expired = run(*ask, "--token", old)
    assert "expired 2 hours ago" in first_cause(expired)

    spent = signed(keys, application_id=nexmo.application_id)
    assert run(*ask, "--token", spent).returncode == 0
    assert "was sent before" in first_cause(run(*ask, "--token", "-", stdin=spent.encode()))
    missing = signed(keys, application_id=nexmo.application_id, jti=None)
    spelled = run(*ask, "--token", missing)
    assert "breaks a rule: jti is missing" in first_cause(spelled)
    assert "2. The token was sent before" not in spelled.stdout
    narrow = signed(keys, application_id=nexmo.application_id, acl={"paths": {"/v1/users": {}}})
    assert "acl does not open this" in first_cause(run(*ask, "--token", narrow))

    nexmo.clock_offset = -20
    slightly = run(*ask, env=credentials(nexmo))
    assert re.search(r"iat is \d+ s in the future: a clock is wrong\.$", first_cause(slightly))
    assert slightly.stdout.count("Set this machine's clock") == 1

    nexmo.clock_offset = 3600
    clock = run(*ask, env=credentials(nexmo))
    assert re.search(r"clock: +(3600|359\d) s behind, by the server's Date", clock.stdout)
    assert re.search(r"clock is (3600|359\d) s ahead of this machine's", first_cause(clock))
    assert "200 OK, after a 401" in clock.stdout
    assert "Set this machine's clock" in clock.stdout


@pytest.mark.parametrize(
    ("status", "exit_status", "words"),
    [
        (200, 0, "token:       accepted\n"),
        (302, 1, "not judged: the server redirects"),
        (404, 0, "accepted: 404 is about the request"),
        (429, 0, "accepted: 429 is about the request"),
        (403, 1, "not allowed to do this"),
        (500, 1, "the server is in trouble"),
    ],
)
def test_check_tells_a_token_from_a_request(
    status: int, exit_status: int, words: str, run: Run, nexmo: Sandbox
) -> None:
    nexmo.answer_next(status, {"Location": "/elsewhere"} if status == 302 else {})
    result = run("check", "--url", nexmo.url, env=credentials(nexmo))
    assert result.returncode == exit_status
    assert words in result.stdout
    assert f" {status} " in result.stdout
    assert len(nexmo.requests) == 1


def test_check_shows_no_codes_of_the_server_to_the_terminal(run: Run, keys: Keys) -> None:
    answer = b"HTTP/1.1 401 \x1b[31mred\x1b]0;owned\x07\r\nContent-Length: 0\r\n\r\n"
    token = signed(keys, application_id="\x1b[2J", kid="x")
    with answering([answer]) as url:
        result = run("check", "--token", token, "--url", url)
    assert "401 \\x1b[31mred" in result.stdout
    assert "There is no application '\\x1b[2J'" in result.stdout


def test_check_tells_of_a_connection_that_breaks(run: Run, keys: Keys) -> None:
    with answering([]) as url:
        result = run("check", "--token", signed(keys), "--url", url)
    assert result.returncode == 1
    assert "the connection to 127.0.0.1 broke before an answer came" in result.stdout


def test_check_measures_the_clock_when_the_answer_comes_not_when_it_ends(
    run: Run, keys: Keys
) -> None:
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())

    def slowly() -> Iterator[bytes]:
        yield f"HTTP/1.1 401 No\r\nDate: {date}\r\nContent-Length: 2\r\n\r\n".encode()
        time.sleep(2.5)
        yield b"{}"

    with answering(slowly()) as url:
        result = run("check", "--token", signed(keys), "--url", url)
    assert int(re.search(r"clock: +within (\d+) s", result.stdout)[1]) <= 2


def test_check_reads_a_problem_that_is_none(run: Run, nexmo: Sandbox) -> None:
    for body in ("[" * 100_000, "[]", '{"detail": 5}', "\xff"):
        nexmo.answer_next(401, body=body)
        result = run("check", "--url", nexmo.url, env=credentials(nexmo))
        assert "does not belong to application" in first_cause(result)
        assert "some take Basic" in result.stdout


@pytest.mark.parametrize(("mode", "words"), [(0o640, "others can read"), (0o600, "only you can")])
def test_check_looks_who_can_read_a_key_within_the_cli_s_file(
    mode: int, words: str, run: Run, nexmo: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / ".vonagerc"
    fields = {"app-id": nexmo.application_id, "private-key": nexmo.private_key.read_text()}
    file.write_text(json.dumps(fields))
    file.chmod(mode)
    assert words in run("check", "--url", nexmo.url).stdout


def test_check_does_not_take_an_unset_variable_for_no_token(run: Run, nexmo: Sandbox) -> None:
    result = run("check", "--token", "", "--url", nexmo.url, env=credentials(nexmo))
    assert result.returncode == 2
    assert "Is the variable set?" in result.stderr
    assert nexmo.requests == []


def test_check_doubts_an_application_id_that_is_no_uuid(run: Run, nexmo: Sandbox) -> None:
    result = run(
        *("check", "--url", nexmo.url, "--app-id", "a1b2c3d4", "--private-key", nexmo.private_key)
    )
    assert "a1b2c3d4 - does not look like one (a UUID)" in result.stdout
    assert "There is no application 'a1b2c3d4'" in first_cause(result)


# Further arguments and variables of `check`, where {closed} is a port that nobody listens on.
NETWORK_PROBLEMS = [
    (["--url", "http://127.0.0.1:{closed}/"], {}, "{closed} refuses connections"),
    (["--url", "https://127.0.0.1:{nexmo}/"], {}, "TLS with 127.0.0.1 failed"),
    ([], {"HTTPS_PROXY": "http://127.0.0.1:{closed}"}, "the proxy does not answer, or refuses"),
    ([], {"HTTPS_PROXY": "{proxy}"}, "the proxy does not answer, or refuses"),
    ([], {"HTTPS_PROXY": "http://"}, "the proxy's address cannot be read"),
    ([], {"HTTPS_PROXY": "x://y"}, "the proxy's address cannot be read"),
    ([], {"HTTPS_PROXY": "http://u:secret@[::1"}, "the proxy's address cannot be read"),
    ([], {"REQUESTS_CA_BUNDLE": "/nowhere.pem"}, "cannot be made: Could not find a suitable TLS"),
    (
        ["--url", "https://name.invalid/"],
        {"NEXMO_JWT_HOSTS": "name.invalid"},
        "the name name.invalid is not found",
    ),
]


@pytest.mark.parametrize(("arguments", "variables", "words"), NETWORK_PROBLEMS)
def test_check_tells_what_is_wrong_with_the_network_in_sentences(
    arguments: list[str], variables: dict[str, str], words: str, run: Run, nexmo: Sandbox
) -> None:
    with ConnectProxy({}) as proxy, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        values = {
            "{closed}": str(bound.getsockname()[1]),
            "{nexmo}": nexmo.url.rpartition(":")[2],
            "{proxy}": proxy.url,
        }

        def filled(text: str) -> str:
            for name, value in values.items():
                text = text.replace(name, value)
            return text

        env = {name: filled(value) for name, value in variables.items()}
        result = run("check", *map(filled, arguments), env={**credentials(nexmo), **env})
    assert result.returncode == 1
    assert filled(words) in result.stdout, result
    assert "secret" not in result.stdout


@pytest.mark.parametrize(
    ("status", "headers", "body", "words"),
    [
        (200, {"Content-Encoding": "gzip"}, "no gzip", "no whole HTTP answer (ContentDecodingE"),
        (
            200,
            {"Transfer-Encoding": "chunked"},
            "zz\r\n",
            "no whole HTTP answer (ChunkedEncodingError",
        ),
        (302, {"Location": "http://["}, "", None),
        (401, {"Content-Encoding": "gzip"}, "no gzip", "no whole HTTP answer (ContentDecodingE"),
    ],
)
def test_check_tells_of_an_answer_that_is_broken(
    status: int, headers: dict[str, str], body: str, words: str | None, run: Run, nexmo: Sandbox
) -> None:
    nexmo.answer_next(status, headers, body)
    result = run("check", "--url", nexmo.url, env=credentials(nexmo))
    assert result.returncode == 1
    sentence = f"answered with what is {words}" if words else "redirects to what is no URL"
    assert f"127.0.0.1 {sentence}" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    "url",
    ["foo", "", "http://[", "http://127.0.0.1:99999"],
)
def test_check_refuses_what_is_no_url(url: str, run: Run, nexmo: Sandbox) -> None:
    result = run("check", "--url", url, env=credentials(nexmo))
    assert result.returncode == 1
    assert result.stderr.startswith(f"nexmo-jwt: {url!r} gets no token: its host cannot be told")
    assert len(result.stderr.splitlines()) == 1


def test_check_refuses_a_url_out_of_scope(run: Run, nexmo: Sandbox) -> None:
    for arguments in (
        ["--url", "https://example.com/"],
        ["--token", PAW, "--url", "https://example.com"],
    ):
        result = run("check", *arguments, env=credentials(nexmo))
        assert result.returncode == 1
        assert "https://example.com is not one of Vonage's API origins" in result.stderr


def test_check_asks_api_nexmo_com_by_default(process: Run, tmp_path: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("api.nexmo.com").configure_cert(context)
    with (
        Sandbox(ssl_context=context) as nexmo,
        ConnectProxy({"api.nexmo.com": urlsplit(nexmo.url).port}) as proxy,
    ):
        env = {"HTTPS_PROXY": proxy.url, "REQUESTS_CA_BUNDLE": str(tmp_path / "ca.pem")}
        result = process("check", env={**credentials(nexmo), **env})
        assert result.returncode == 0, result
        assert [seen.path for seen in nexmo.requests] == ["/v1/calls?page_size=1"]


# ---- sandbox ---------------------------------------------------------------------------------


@contextmanager
def running(*command: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run a sandbox command and yield it with what it printed once it listens."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            printed: list[str] = []
            while not any(" -c " in line for line in printed):
                line = process.stdout.readline()
                assert line, process.stderr.read()
                printed.append(line)
            yield process, printed
        finally:
            process.kill()


@pytest.mark.parametrize("command", [SCRIPT, MODULE], ids=["script", "module"])
def test_the_two_lines_that_the_sandbox_prints_can_be_pasted(
    command: list[str], tmp_path: Path
) -> None:
    with running(*command, "sandbox") as (process, printed):
        pasted = [line for line in printed if " --auth-type=nexmo-jwt " in line or " -c " in line]
        assert len(pasted) == 2
        for line in pasted:
            result = subprocess.run(
                line,
                shell=True,
                cwd=tmp_path,
                env={**os.environ, "PATH": "/usr/bin:/bin"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            assert '"_embedded"' in result.stdout, result
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        logged = process.stderr.read()
        assert logged.count("GET /v1/calls: 200, accepted") == 2
        assert "Traceback" not in logged
    (key_file,) = re.findall(r"Private key: +(.*) \(gone", "".join(printed))
    assert not Path(key_file).parent.exists()


def test_the_sandbox_stops_cleanly_when_it_is_terminated() -> None:
    with running(*SCRIPT, "sandbox", "--clock-offset=-3600") as (process, printed):
        url = next(line for line in printed if "127.0.0.1" in line).split()[4].rstrip(";")
        assert requests.get(url, timeout=10).status_code == 401
        process.terminate()
        assert process.wait(10) == 0
        assert "no Authorization header" in process.stderr.read()


def test_a_port_that_is_taken_is_one_line(run: Run, nexmo: Sandbox) -> None:
    port = nexmo.url.rpartition(":")[2]
    result = run("sandbox", f"--port={port}")
    assert result.returncode == 1
    assert result.stderr == (
        f"nexmo-jwt: the sandbox cannot start: {os.strerror(errno.EADDRINUSE)}. "
        "Give another --port, or none for a free one.\n"
    )


def test_a_sandbox_that_has_no_place_for_its_key_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    script = f"import tempfile; tempfile.tempdir = {str(tmp_path / 'file')!r}\n"
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            script + "from requests_nexmo_jwt.cli import main; main()",
            "sandbox",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert result.stderr.startswith(f"nexmo-jwt: the sandbox cannot start: {tmp_path}/file/")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["sandbx"],
        ["sandbox", "--port=http"],
        ["sandbox", "--port=65536"],
        ["sandbox", "--clock-offset=nan"],
        ["sandbox", "x"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_told_with_status_2(arguments: list[str], run: Run) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: nexmo-jwt")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["sandbox", "--help"]], ids=" ".join)
def test_help_names_the_sandbox(arguments: list[str], run: Run) -> None:
    result = run(*arguments)
    assert result.returncode == 0
    assert "sandbox" in result.stdout
