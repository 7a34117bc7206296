"""What the sandbox answers to accepted requests: the products' own statuses and shapes."""

import re

import pytest
import requests
from conftest import Keys, forge, send

from requests_nexmo_jwt import NexmoJWT
from requests_nexmo_jwt.sandbox import Sandbox

FIRST = "63f61863-4a51-4f6b-86e1-46edebcf9356"
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def ask(nexmo: Sandbox, method: str, path: str, **options: object) -> requests.Response:
    return requests.request(method, nexmo.url + path, auth=nexmo.auth(), timeout=10, **options)


def test_a_fresh_sandbox_has_the_one_call_of_the_readme(nexmo: Sandbox) -> None:
    listed = ask(nexmo, "GET", "/v1/calls").json()
    assert (listed["count"], listed["page_size"], listed["record_index"]) == (1, 10, 0)
    assert [call["uuid"] for call in listed["_embedded"]["calls"]] == [FIRST]
    shown = ask(nexmo, "GET", f"/v1/calls/{FIRST}").json()
    assert shown == listed["_embedded"]["calls"][0]
    assert shown["status"] == "completed"


def test_a_call_that_is_made_comes_on_top_and_lasts_as_long_as_the_server(nexmo: Sandbox) -> None:
    to = {"type": "phone", "number": "14155550100"}
    created = ask(nexmo, "POST", "/v1/calls", json={"to": [to], "ncco": [{"action": "talk"}]})
    assert created.status_code == 201
    assert created.json().keys() == {"uuid", "status", "direction", "conversation_uuid"}
    uuid = created.json()["uuid"]
    assert re.fullmatch(UUID, uuid)
    calls = ask(nexmo, "GET", "/v1/calls").json()["_embedded"]["calls"]
    assert [call["uuid"] for call in calls] == [uuid, FIRST]
    assert (calls[0]["to"], calls[0]["status"]) == (to, "started")
    assert ask(nexmo, "PUT", f"/v1/calls/{uuid}", json={"action": "hangup"}).status_code == 204
    assert ask(nexmo, "GET", f"/v1/calls/{uuid}").json()["status"] == "completed"
    with Sandbox() as another:
        assert ask(another, "GET", f"/v1/calls/{uuid}").status_code == 404


# A query, the numbers of the calls that it lists (0 is the first), the count, and the links.
LISTS = {
    "": ([3, 2, 1, 0], 4, {"self", "first", "last"}),
    "page_size=2": ([3, 2], 4, {"self", "first", "last", "next"}),
    "page_size=2&record_index=2": ([1, 0], 4, {"self", "first", "last", "prev"}),
    "page_size=1&record_index=1": ([2], 4, {"self", "first", "last", "next", "prev"}),
    "record_index=9": ([], 4, {"self", "first", "last", "prev"}),
    "order=asc&page_size=2": ([0, 1], 4, {"self", "first", "last", "next"}),
    "status=completed": ([0], 1, {"self", "first", "last"}),
    "status=busy": ([], 0, {"self", "first", "last"}),
    "conversation_uuid=CON-f972836a-550f-45fa-956c-12a2ab5b7d22": (
        [0],
        1,
        {"self", "first", "last"},
    ),
    "date_end=2019-01-01T00:00:00Z": ([0], 1, {"self", "first", "last"}),
    "date_start=2019-01-01": ([3, 2, 1], 3, {"self", "first", "last"}),
    "date_start=2018-11-01T09:00:00Z&date_end=2018-11-01T09:00:00Z": (
        [0],
        1,
        {"self", "first", "last"},
    ),
    "page_size=0&record_index=-1&date_start=yesterday": ([3], 4, {"self", "first", "last", "next"}),
}


@pytest.mark.parametrize("query", LISTS)
def test_the_list_of_calls_pages_and_filters(query: str, nexmo: Sandbox) -> None:
    made = [ask(nexmo, "POST", "/v1/calls", json={}).json()["uuid"] for _ in range(3)]
    uuids = [FIRST, *made]
    numbers, count, links = LISTS[query]
    listed = ask(nexmo, "GET", f"/v1/calls?{query}").json()
    calls = listed["_embedded"]["calls"]
    assert ([uuids.index(call["uuid"]) for call in calls], listed["count"]) == (numbers, count)
    assert listed["_links"].keys() == links


def test_the_links_of_a_list_lead_through_all_its_pages(nexmo: Sandbox) -> None:
    made = [ask(nexmo, "POST", "/v1/calls", json={}).json()["uuid"] for _ in range(4)]
    path, seen = "/v1/calls?page_size=2&status=started", []
    while path:
        listed = ask(nexmo, "GET", path).json()
        seen += [call["uuid"] for call in listed["_embedded"]["calls"]]
        path = listed["_links"].get("next", {}).get("href")
    assert seen == made[::-1]


# Method, path, status, and what the body is or has; None: it is empty.
ANSWERS = [
    ("PUT", f"/v1/calls/{FIRST}", 204, None),
    ("PUT", f"/v1/calls/{FIRST}/stream", 200, {"message": "Stream started", "uuid": FIRST}),
    ("DELETE", f"/v1/calls/{FIRST}/stream", 200, {"message": "Stream stopped", "uuid": FIRST}),
    ("PUT", f"/v1/calls/{FIRST}/talk", 200, {"message": "Talk started", "uuid": FIRST}),
    ("DELETE", f"/v1/calls/{FIRST}/talk", 200, {"message": "Talk stopped", "uuid": FIRST}),
    ("PUT", f"/v1/calls/{FIRST}/dtmf", 200, {"message": "DTMF sent", "uuid": FIRST}),
    ("PUT", "/v1/calls/unknown/talk", 404, None),
    ("GET", "/v1/calls/unknown", 404, None),
    ("PUT", "/v1/calls/unknown", 404, None),
    ("DELETE", "/v1/calls", 405, {"type": "METHOD_NOT_ALLOWED"}),
    ("PUT", "/v1/calls", 405, {"error_title": "Method Not Allowed"}),
    ("POST", f"/v1/calls/{FIRST}", 405, {"type": "METHOD_NOT_ALLOWED"}),
    ("POST", "/v1/messages", 202, {"message_uuid": UUID}),
    ("POST", "/v0.1/messages", 202, {"message_uuid": UUID}),
    ("POST", "/v2/verify", 202, {"request_id": UUID}),
    ("POST", "/v1/users", 201, {"id": f"USR-{UUID}", "name": "alice"}),
    ("POST", "/v1/conversations", 201, {"id": f"CON-{UUID}", "state": "ACTIVE", "name": "alice"}),
    ("GET", "/v1/users", 200, {"page_size": "10", "_embedded": r"\{'users': \[\]\}"}),
    ("GET", "/v1/conversations", 200, {"_embedded": r"\{'conversations': \[\]\}"}),
]


@pytest.mark.parametrize(
    ("method", "path", "status", "body"), ANSWERS, ids=[f"{a[0]} {a[1]}" for a in ANSWERS]
)
def test_a_product_answers_as_its_specification_says(
    method: str, path: str, status: int, body: dict[str, str] | None, nexmo: Sandbox
) -> None:
    answer = ask(nexmo, method, path, json={"name": "alice"} if method == "POST" else None)
    assert answer.status_code == status
    assert nexmo.requests[-1].accepted
    if body is None:
        assert answer.content == b""
    for name, pattern in (body or {}).items():
        assert re.fullmatch(pattern, str(answer.json()[name]))


@pytest.mark.parametrize("kind", ["users", "conversations"])
def test_users_and_conversations_are_kept_the_newest_first(kind: str, nexmo: Sandbox) -> None:
    for name in ("first", "second"):
        made = ask(nexmo, "POST", f"/v1/{kind}", json={"name": name, "display_name": "X"}).json()
        assert made["_links"]["self"]["href"].endswith(f".vonage.com/v1/{kind}/{made['id']}")
    listed = ask(nexmo, "GET", f"/v1/{kind}").json()["_embedded"][kind]
    assert [one["name"] for one in listed] == ["second", "first"]
    assert listed[0] == made
    one = ask(nexmo, "GET", f"/v1/{kind}?page_size=1").json()
    assert (one["page_size"], len(one["_embedded"][kind])) == (1, 1)


def test_the_account_s_list_has_the_one_application(nexmo: Sandbox) -> None:
    account = (nexmo.api_key, nexmo.api_secret)
    listed = requests.get(f"{nexmo.url}/v2/applications", auth=account, timeout=10).json()
    (shown,) = listed["_embedded"]["applications"]
    own = f"{nexmo.url}/v2/applications/{nexmo.application_id}"
    assert shown == requests.get(own, auth=account, timeout=10).json()
    assert "voice" in shown["capabilities"]
    assert (listed["total_items"], listed["total_pages"], listed["page"]) == (1, 1, 1)


# What the gateway answers before any authentication, with an empty body.
UNROUTED = [
    ("GET", "/v1/cals", 404),
    ("GET", "/v1/call", 404),
    ("GET", "/v1/calls/", 404),
    ("GET", "/v1/callsx", 404),
    ("GET", f"/v1/calls/{FIRST}/", 404),
    ("PUT", f"/v1/calls/{FIRST}/sing", 404),
    ("PUT", f"/v1/calls/{FIRST}/talk/x", 404),
    ("GET", "/", 404),
    ("GET", "/v1/neru/i/x", 404),
    ("PATCH", "/v1/calls", 403),
    ("PATCH", f"/v1/calls/{FIRST}", 403),
    ("GET", "/v0.1/messages", 403),
    ("PUT", "/v1/messages", 403),
    ("GET", "/v1/calls/ping", 200),
    ("GET", "/v0.1/dispatch/ping", 200),
]


@pytest.mark.parametrize(("method", "path", "status"), UNROUTED)
def test_what_nexmo_does_not_have_is_answered_before_the_token(
    method: str, path: str, status: int, nexmo: Sandbox, keys: Keys
) -> None:
    for token in (forge(nexmo), forge(keys), None):
        answer = send(nexmo, token, method, path)
        assert (answer.status_code, answer.content) == (status, b"")
    words = {
        200: "without any auth",
        403: "does not pass this method",
        404: "no product that is known",
    }
    assert words[status] in answer.headers["X-Sandbox-Verdict"]
    assert not nexmo.requests[-1].accepted
    nexmo.answer(method, path, body={"added": True})
    assert send(nexmo, forge(nexmo), method, path).json() == {"added": True}
    assert send(nexmo, forge(keys), method, path).status_code == 401


def test_voice_refuses_an_acl_with_403_and_the_others_with_401(nexmo: Sandbox) -> None:
    token = forge(nexmo, acl={"paths": {"/*/files/**": {}}})
    refused = send(nexmo, token)
    assert (refused.status_code, refused.content) == (403, b"")
    assert "acl does not permit GET /v1/calls" in nexmo.requests[-1].verdict
    assert send(nexmo, token, path="/v1/users").status_code == 401


def test_all_sandboxes_of_a_process_have_one_application_until_one_rotates() -> None:
    with Sandbox() as first, Sandbox() as second:
        auth = second.auth()
        assert first.application_id == second.application_id
        assert first.environment["VONAGE_API_SECRET"] == second.environment["VONAGE_API_SECRET"]
        assert ask(second, "GET", "/v1/calls").ok
        assert requests.get(f"{first.url}/v1/calls", auth=auth, timeout=10).ok
        first.rotate_key()
        assert requests.get(f"{first.url}/v1/calls", auth=auth, timeout=10).status_code == 401
        assert requests.get(f"{second.url}/v1/calls", auth=auth, timeout=10).ok
        assert ask(first, "GET", "/v1/calls").ok
    with Sandbox() as third:
        token = NexmoJWT(third.application_id, third.private_key)
        assert requests.get(f"{third.url}/v1/calls", auth=token, timeout=10).ok


def test_vonage_s_own_sdk_works_against_it(tls: object) -> None:
    import vonage
    import vonage_messages
    import vonage_verify
    import vonage_voice

    with Sandbox(ssl_context=tls.context("localhost")) as nexmo:
        options = vonage.HttpClientOptions(api_host=nexmo.url.removeprefix("https://"))
        sdk = vonage.Vonage(
            vonage.Auth(
                application_id=nexmo.application_id, private_key=nexmo.private_key.read_text()
            ),
            options,
        )
        sdk.http_client._session.verify = tls.ca
        call = vonage_voice.CreateCallRequest(
            to=[{"type": "phone", "number": "14155550100"}],
            random_from_number=True,
            answer_url=["https://example.com/answer"],
        )
        created = sdk.voice.create_call(call)
        assert created.status == "started"
        calls, following = sdk.voice.list_calls()
        assert [each.uuid for each in calls] == [created.uuid, FIRST]
        assert following is None
        some, following = sdk.voice.list_calls(vonage_voice.ListCallsFilter(page_size=1))
        assert ([each.uuid for each in some], following) == ([created.uuid], 1)
        assert sdk.voice.get_call(created.uuid).to.number == "14155550100"
        sdk.voice.hangup(created.uuid)
        assert sdk.voice.play_tts_into_call(FIRST, {"text": "Hello"}).message == "Talk started"
        message = vonage_messages.Sms(to="14155550100", from_="Us", text="Hello")
        assert re.fullmatch(UUID, sdk.messages.send(message).message_uuid)
        sms = vonage_verify.SmsChannel(to="14155550100")
        started = sdk.verify.start_verification(
            vonage_verify.VerifyRequest(brand="Us", workflow=[sms])
        )
        assert re.fullmatch(UUID, started.request_id)
        assert sdk.users.list_users()[0] == []
        assert all(seen.accepted for seen in nexmo.requests)
