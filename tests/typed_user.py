"""A user's program that `make lint` type-checks as strictly as users do."""

import httpx
import httpx2
import niquests
import requests
from typing_extensions import assert_type

from requests_nexmo_jwt import NexmoJWT, NexmoJWTError

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
