"""What is logged about a refusal that nothing heals."""

import pickle
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from conftest import APPLICATION_ID, AUTH_TYPE, TLS, Keys, Run, address
from connect_proxy import ConnectProxy

from requests_nexmo_jwt import NexmoJWT
from requests_nexmo_jwt.sandbox import Sandbox


def test_a_worker_reports_its_own_401(
    nexmo: Sandbox, key_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ours = NexmoJWT(nexmo.application_id, key_file)
    requests.get(f"{nexmo.url}/v1/calls", auth=ours, timeout=10)
    requests.get(f"{nexmo.url}/v1/calls", auth=pickle.loads(pickle.dumps(ours)), timeout=10)
    warned = [record for record in caplog.records if record.getMessage().startswith("401 from")]
    assert len(warned) == 2


@pytest.mark.parametrize("clock_offset", [0, -0.9], ids=["right", "a Date that is a second old"])
def test_an_unexplained_401_is_logged_once_with_what_is_known(
    clock_offset: float, nexmo: Sandbox, warnings: Callable, keys: Keys, tmp_path: Path
) -> None:
    nexmo.clock_offset = clock_offset
    (tmp_path / "other.key").write_bytes(keys.pkcs8)
    auth = NexmoJWT(nexmo.application_id, tmp_path / "other.key")
    for _ in range(3):
        response = requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10, stream=True)
        assert response.status_code == 401
    assert "signature" in nexmo.requests[-1].verdict
    assert [re.sub(r"within \d s", "within 2 s", warning) for warning in warnings()] == [
        f"401 from 127.0.0.1: token well-formed; perhaps the key ({auth.fingerprint}) does not "
        f"belong to application {nexmo.application_id}; clock within 2 s; run 'nexmo-jwt check' "
        "for details."
    ]


@pytest.mark.parametrize("status", [302, 403, 404, 500])
def test_a_redirect_or_an_error_does_not_prove_the_key_right(
    status: int, nexmo: Sandbox, warnings: Callable, key_file: Path
) -> None:
    auth = NexmoJWT(nexmo.application_id, key_file)
    nexmo.answer_next(status, headers={"Location": "/v1/calls"} if status == 302 else {})
    for _ in range(2):
        response = requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10)
    assert response.status_code == 401
    (warning,) = warnings()
    assert "does not belong to application" in warning


def test_a_mock_that_takes_any_key_does_not_vouch_for_it(
    nexmo: Sandbox, warnings: Callable, key_file: Path
) -> None:
    auth = NexmoJWT(nexmo.application_id, key_file)
    with Sandbox() as mock:
        mock.answer_next(200)
        assert requests.get(mock.url, auth=auth, timeout=10).ok
    assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).status_code == 401
    (warning,) = warnings()
    assert "does not belong to application" in warning


def test_a_401_to_a_key_that_has_worked_does_not_accuse_the_key(
    nexmo: Sandbox, warnings: Callable
) -> None:
    auth = nexmo.auth()
    assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).ok
    nexmo.answer_next(401)
    assert requests.get(f"{nexmo.url}/v1/files/other", auth=auth, timeout=10).status_code == 401
    (warning,) = warnings()
    assert "this key was accepted before" in warning
    assert "does not belong to application" not in warning


def test_a_refusal_that_comes_back_after_an_accepted_token_is_logged_again(
    nexmo: Sandbox, warnings: Callable
) -> None:
    """A key that is revoked months later must not pass in silence."""
    auth = nexmo.auth()
    for status in (401, 401, 200, 401, 401):
        nexmo.answer_next(status)
        requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10)
    assert [warning.startswith("401 from") for warning in warnings()] == [True, True]
    assert "does not belong to application" in warnings()[0]
    assert "this key was accepted before, so perhaps it was replaced or revoked" in warnings()[1]


def test_each_server_has_a_line_of_its_own(nexmo: Sandbox, warnings: Callable) -> None:
    auth = nexmo.auth()
    with Sandbox() as other:
        for server in (nexmo, other, nexmo, other):
            server.answer_next(401)
            requests.get(f"{server.url}/v1/calls", auth=auth, timeout=10)
    assert len(warnings()) == 2


@pytest.mark.parametrize(
    ("host", "path", "logged"),
    [
        ("video.api.vonage.com", "/v2/project/x/archive", 1),
        ("video.api.vonage.com", "/elsewhere", 0),
        ("api.nexmo.com", "/v1/calls", 0),
    ],
)
def test_a_403_is_a_refusal_of_the_token_where_video_answers(
    host: str, path: str, logged: int, tls: TLS, warnings: Callable
) -> None:
    with (
        Sandbox(ssl_context=tls.context(host)) as server,
        ConnectProxy({host: address(server)[1]}) as proxy,
    ):
        for _ in range(2):
            server.answer_next(403)
            options = {"proxies": {"https": proxy.url}, "verify": tls.ca, "timeout": 10}
            answer = requests.get(f"https://{host}{path}", auth=server.auth(), **options)
            assert answer.status_code == 403
    lines = [warning for warning in warnings() if warning.startswith(f"403 from {host}")]
    assert len(lines) == logged * 2  # a line for each auth object


@pytest.mark.downloads
def test_the_command_is_named_only_where_it_is_installed(
    http: Run, http_with_plugin_folder: Run, nexmo: Sandbox, keys: Keys, tmp_path: Path
) -> None:
    (tmp_path / "other.key").write_bytes(keys.pkcs8)
    auth = f"-a{nexmo.application_id}:{tmp_path}/other.key"
    with_command = http(AUTH_TYPE, auth, f"{nexmo.url}/v1/calls").stderr
    without = http_with_plugin_folder(AUTH_TYPE, auth, f"{nexmo.url}/v1/calls").stderr
    assert "run 'nexmo-jwt check' for details." in with_command
    assert "401 from 127.0.0.1" in without
    assert "nexmo-jwt check" not in without


def test_a_key_that_was_rotated_to_a_wrong_one_is_accused(
    nexmo: Sandbox, keys: Keys, key_file: Path, warnings: Callable
) -> None:
    key_file.write_bytes(nexmo.private_key.read_bytes())
    auth = NexmoJWT(nexmo.application_id, key_file)
    assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).ok
    key_file.write_bytes(keys.pkcs8)
    assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).status_code == 401
    assert f"the key ({auth.fingerprint}) does not belong to application" in warnings()[-1]


# Options of the token, a request, the status of its answer, and the cause that is named alone.
CAUSES = [
    ({"acl": ["/*/users/**"]}, ("GET", "/v1/calls?a=b"), 401, "not permit GET /v1/calls;"),
    ({"acl": ["GET:/*/calls/**"]}, ("POST", "/v1/calls"), 403, "not permit POST /v1/calls"),
    ({"acl": "/*/users/**"}, ("PUT", "/v1/calls/x"), 403, "acl does not permit PUT /v1/calls/x"),
    ({}, ("GET", "/v1/sessions"), 401, "Client SDK API wants the token of a user, one with sub"),
    ({"acl": "/**"}, ("POST", "/oauth2/bc-authorize"), 401, "must not have an acl;"),
    ({}, ("GET", "/v2/applications"), 401, "the Application API accepts the API key and secret"),
    ({"claims": {"nbf": 1541060230}}, ("GET", "/v1/calls"), 401, "the token has an nbf"),
]


@pytest.mark.parametrize(("options", "request_line", "status", "words"), CAUSES)
def test_the_likeliest_cause_is_named_and_the_key_is_not_blamed(
    options: dict[str, object],
    request_line: tuple[str, str],
    status: int,
    words: str,
    nexmo: Sandbox,
    warnings: Callable,
) -> None:
    auth = nexmo.auth(**options)
    method, path = request_line
    for _ in range(2):
        nexmo.answer_next(status)
        response = requests.request(method, nexmo.url + path, auth=auth, timeout=10)
        assert response.status_code == status
    (warning,) = warnings()
    assert words in warning
    assert "does not belong to application" not in warning


def test_a_secret_in_the_place_of_the_id_is_not_logged(nexmo: Sandbox, warnings: Callable) -> None:
    auth = NexmoJWT("aBcDeFgHiJkLmN01", nexmo.private_key)
    requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10)
    assert "application id (redacted) is not a UUID" in warnings()[0]
    assert "aBcDeFgHiJkLmN01" not in repr(auth) + warnings()[0]


def test_an_embedded_interpreter_gets_the_answer(
    nexmo: Sandbox, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "")
    auth = NexmoJWT(nexmo.application_id, key_file)
    assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).status_code == 401


@pytest.mark.parametrize("application_id", ["abcd1234", "your_application_id", APPLICATION_ID[:-1]])
def test_an_id_that_is_not_a_uuid_is_named_first(
    application_id: str, nexmo: Sandbox, warnings: Callable
) -> None:
    auth = NexmoJWT(application_id, nexmo.private_key, acl="/*/users/**")
    requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10)
    (warning,) = warnings()
    assert f"application id '{application_id}' is not a UUID" in warning
    assert "acl" not in warning


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_to_a_good_token_without_an_acl_is_about_something_else_unless_it_is_401(
    status: int, nexmo: Sandbox, warnings: Callable
) -> None:
    nexmo.answer_next(status)
    requests.get(f"{nexmo.url}/v1/calls", auth=nexmo.auth(), timeout=10)
    assert len(warnings()) == (status == 401)


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def write(text: str) -> None:
        path = tmp_path / "netrc"
        path.write_text(text)
        path.chmod(0o600)
        monkeypatch.setenv("NETRC", str(path))

    return write


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])  # a netrc has an entry for localhost
def test_a_401_behind_a_redirect_to_another_origin_says_that_no_token_was_sent(
    host: str, nexmo: Sandbox, warnings: Callable, netrc: Callable
) -> None:
    netrc("machine localhost login user password pass\n")
    with Sandbox() as other:
        auth, there = nexmo.auth(), f"{other.url.replace('127.0.0.1', host)}/v1/calls"
        for _ in range(2):
            nexmo.answer_next(307, headers={"Location": there})
            assert requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10).status_code == 401
    (warning,) = warnings()
    assert f"a redirect led there from {nexmo.url}, and a token is not sent to another" in warning


def test_a_401_to_what_a_netrc_put_in_place_of_the_token_says_so(
    nexmo: Sandbox, warnings: Callable, netrc: Callable
) -> None:
    netrc("machine 127.0.0.1 login user password pass\n")
    nexmo.answer_next(307, headers={"Location": "/v1/calls"})
    response = requests.get(f"{nexmo.url}/v1/calls", auth=nexmo.auth(), timeout=10)
    assert (response.status_code, nexmo.requests[-1].claims) == (401, None)
    (warning,) = warnings()
    assert "replaced on the way, probably by an entry for this host in ~/.netrc" in warning


@pytest.mark.parametrize("offset", [45, -20])
def test_a_wrong_clock_is_reported_and_a_broken_rule_does_not_blame_the_key(
    offset: int, nexmo: Sandbox, keys: Keys, warnings: Callable
) -> None:
    nexmo.clock_offset = offset
    auth = NexmoJWT(nexmo.application_id, keys.object)
    for _ in range(2):
        requests.get(f"{nexmo.url}/v1/calls", auth=auth, timeout=10)
    (warning,) = warnings()
    if offset > 0:
        assert re.search(r"clock 4[45] s behind", warning)
        assert "does not belong to application" in warning
    else:
        assert "clock within" in warning


# A path, words of the warning, and words that are not in it.
SUSPECTED = [
    ("/v2/applications", "not the problem: the Application API accepts the API key", "key ("),
    ("/v1/calls", "perhaps the key (SHA256:", "another authentication"),
    ("/v2/verify", "to application {id}, or the account has no money", "authentication"),
    ("/v2/project/x", "403 from 127.0.0.1: token well-formed; perhaps", "another authentication"),
]


@pytest.mark.parametrize(("path", "words", "absent"), SUSPECTED)
def test_the_product_decides_what_is_suspected(
    path: str, words: str, absent: str, nexmo: Sandbox, keys: Keys, warnings: Callable
) -> None:
    auth = NexmoJWT(nexmo.application_id, keys.object)
    requests.get(nexmo.url + path, auth=auth, timeout=10)
    (line,) = warnings()
    assert words.format(id=nexmo.application_id) in line
    assert absent not in line


def test_another_authentication_is_suspected_only_where_the_product_is_unknown(
    nexmo: Sandbox, warnings: Callable
) -> None:
    nexmo.answer("GET", "/unknown")
    for path, is_suspected in [("/v1/calls", False), ("/unknown", True)]:
        auth = nexmo.auth()
        assert requests.get(nexmo.url + path, auth=auth, timeout=10).ok
        nexmo.answer_next(401)
        requests.get(nexmo.url + path, auth=auth, timeout=10)
        assert ("the product takes another authentication" in warnings()[-1]) == is_suspected
