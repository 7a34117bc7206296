"""A user's program that `make lint` type-checks as strictly as users do."""

from collections.abc import Callable

import httpx
import httpx2
import niquests
import requests
from typing_extensions import assert_type

import requests_nexmo_jwt.httpx as for_httpx
import requests_nexmo_jwt.httpx2 as for_httpx2
from requests_nexmo_jwt import NexmoJWT, NexmoJWTError
from requests_nexmo_jwt.sandbox import Sandbox

URL = "https://api.nexmo.com/v1/calls"


def signed_by_requests(auth: NexmoJWT) -> requests.Response:
    with requests.Session() as session:
        session.auth = auth
        session.send(
            assert_type(auth(requests.Request("GET", URL).prepare()), requests.PreparedRequest)
        )
    return requests.get(URL, auth=auth, timeout=10)


def signed_by_httpx(auth: NexmoJWT) -> httpx.Response:
    with httpx.Client(auth=auth) as client:
        return client.get(URL)


async def signed_by_httpx2(auth: NexmoJWT) -> None:
    async with httpx2.AsyncClient(auth=auth) as client:
        await client.get(URL)
        await client.get(URL, auth=for_httpx2.NexmoJWT("an id", "private.key", ttl=60))


def signed_by_an_auth_of_httpx() -> httpx.Response:
    return httpx.get(URL, auth=for_httpx.NexmoJWT())


def signed_by_a_function(sign: Callable[[bytes], bytes]) -> str:
    return NexmoJWT("an id", sign=sign, public_key="-----BEGIN PUBLIC KEY-----").header(URL)


def test_of_somebody(nexmo: Sandbox) -> None:
    nexmo.rotate_key()


def signed_by_niquests(auth: NexmoJWT) -> None:
    with niquests.Session() as session:
        session.auth = auth
        session.get(URL, auth=auth)


def token() -> str:
    try:
        auth = NexmoJWT("aaaaaaaa-bbbb-cccc-dddd-0123456789ab", "private.key", ttl=60)
        return f"{auth.token()} {auth.source}"
    except NexmoJWTError as error:
        return str(error)
