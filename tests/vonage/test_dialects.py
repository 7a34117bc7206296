"""What an answer of Vonage says, in whichever product's words.

``vonage_answers.json`` has the answers that public sources show, with where each was found; ``…``
stands for what a source left out. Adding an answer is adding an entry.
"""

import json
from pathlib import Path

import pytest
from conftest import Keys, forge
from requests.structures import CaseInsensitiveDict

from requests_nexmo_jwt.vonage.dialects import read

ANSWERS = json.loads(Path(__file__).with_name("vonage_answers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "answer", ANSWERS, ids=[f"{n} {row['endpoint'][:40]}" for n, row in enumerate(ANSWERS)]
)
def test_each_answer_that_vonage_is_known_to_give_is_read(answer: dict[str, object]) -> None:
    reading = read(answer["body"].encode(), CaseInsensitiveDict(answer["headers"]))
    assert reading == (answer["code"], answer["text"], answer["trace_id"])


def test_no_answer_is_left_out() -> None:
    assert len(ANSWERS) == 74


PROBLEM = "https://developer.vonage.com/api-errors#"

# Bodies in other spellings, and the code that they are read as.
BODIES = [
    *((f'{{"type": "{PROBLEM}{name}"}}', code) for name, code in [
        ("jwt-expired", "expired"),
        ("jwt-revoked", "revoked"),
        ("account-suspended", "suspended"),
        ("application-suspended", "suspended"),
        ("low-balance", "no-money"),
        ("quota-exceeded", "no-money"),
        ("invalid-api-key", "wrong-authentication"),
        ("invalid-signature", "unknown"),
        ("multiple-auth-methods", "wrong-authentication"),
        ("unauthorized", "unknown"),
        ("forbidden", "rights"),
        ("unprovisioned", "rights"),
        ("throttled", "throttled"),
        ("invalid-ip", "unknown"),
        ("made-up", "unknown"),
    ]),
    ('{"type": "https://developer.nexmo.com/api-errors/#low-balance"}', "no-money"),
    ('{"type": "x#unauthorized", "code": "system:error:expired-token"}', "expired"),
    ('{"code": 403, "message": "Your JWT was invalid"}', "unknown"),
    ('{"code": ["system:error:expired-token"], "type": null, "detail": {}}', "unknown"),
    *((f'{{"code": "{name}", "detail": "You did not provide a correct token."}}', code)
      for name, code in [
        ("user:error:not-found", "sub"),
        ("user:error:invalid-user", "sub"),
        ("user:error:invalid-application", "application"),
        ("leg:error:invalid-application", "application"),
        ("application:error:not-found", "application"),
        ("nexmo-service:permission-denied", "unknown"),
        ("conversation:error:member:permission-denied", "unknown"),
        ("system:error:permission", "acl"),
    ]),
    ('{"error": "invalid_client", "error_description": "Invalid token"}', "invalid"),
    ('{"detail": "Templates management is not enabled for your account"}', "rights"),
    ('{"detail": "You did not provide a correct token. Please provide a valid token."}', "unknown"),
    ("", "unknown"),
    ("{}", "unknown"),
    ("[]", "unknown"),
    ("null", "unknown"),
    ("5", "unknown"),
    ("[" * 60_000, "unknown"),
    ('{"x": ' + "9" * 10_000 + "}", "unknown"),
    ('{"detail": "Invalid Token', "invalid"),
    ('{"code": "system:error:expired-token", "detail": "cut of', "expired"),
    ("<html>Invalid Token</html>", "unknown"),
    ("see low-balance in our docs", "unknown"),
    ('{"type": "x#low-balance", "detail": "cut of', "no-money"),
    ("eyJ-" * 16_000, "unknown"),
    ("\xff\xfe", "unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code"), BODIES, ids=[body[:60] for body, _ in BODIES])
def test_odd_and_empty_answers_are_read_as_far_as_they_go(body: str, code: str) -> None:
    assert read(body.encode("latin-1"), {}).code == code


@pytest.mark.parametrize(
    ("headers", "body", "trace_id"),
    [
        ({"x-nexmo-trace-id": "a1"}, "{}", "a1"),
        ({"X-Nexmo-Trace-Id": "a1"}, '{"instance": "b2"}', "a1"),
        ({}, '{"instance": "b2"}', "b2"),
        ({}, '{"instance_id": "c3"}', "c3"),
        ({}, '{"instance": 5}', None),
        ({}, '{"instance": ""}', None),
        ({"x-nexmo-trace-id": "\x1b[2J"}, "", "\\x1b[2J"),
        ({"x-nexmo-trace-id": "a-" * 5000}, "", "a-" * 50),
    ],
)
def test_the_trace_id_is_found(headers: dict[str, str], body: str, trace_id: str | None) -> None:
    assert read(body.encode(), CaseInsensitiveDict(headers)).trace_id == trace_id


def test_what_the_server_says_is_one_short_line_without_a_token_or_a_key(keys: Keys) -> None:
    token = forge(keys)
    pem = "".join(keys.pkcs8.decode().splitlines()[1:-1])
    for words, shown in [
        ("a\n  b\x1b[31m", "a b"),
        (f"Bearer {token} is bad", "Bearer <token> is bad"),
        (f"{token.rpartition('.')[0]} is bad", "<token> is bad"),
        (pem, ""),
        ("x " * 5000, "x x x"),
    ]:
        text = read(json.dumps({"detail": words}).encode(), {}).text
        assert shown in text
        assert "\x1b" not in text
        assert "\n" not in text
        assert len(text) <= 300
        assert token[:30] not in text
        assert pem[:60] not in text
