"""Each client that can carry a token, driven as its users do; in a process of its own if need be.

``python clients.py NAME`` reads a job as JSON from stdin and writes the statuses as JSON.
"""

import asyncio
import json
import sys
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from requests_nexmo_jwt import NexmoJWT, ScopeError


def by_requests(job: dict[str, Any]) -> list[int]:
    import requests

    with requests.Session() as session:
        session.auth = NexmoJWT(*job["credentials"], hosts=job["hosts"])
        return [session.get(url, timeout=20).status_code for url in job["urls"]]


def by_niquests(job: dict[str, Any]) -> list[int]:
    import niquests

    with niquests.Session(**job.get("options", {})) as session:
        session.auth, session.verify = NexmoJWT(*job["credentials"], hosts=job["hosts"]), job["ca"]
        statuses = []
        for url in job["urls"]:
            method = "POST" if "data" in job else "GET"
            answer = session.request(method, url, data=job.get("data"), timeout=20)
            session.gather()
            statuses.append(answer.status_code)
        return statuses


def by_async_niquests(job: dict[str, Any]) -> list[int]:
    import niquests

    async def main() -> list[int]:
        async with niquests.AsyncSession(**job.get("options", {})) as session:
            session.auth = NexmoJWT(*job["credentials"], hosts=job["hosts"])
            session.verify = job["ca"]
            statuses = []
            for url in job["urls"]:
                answer = await session.get(url, timeout=20)
                await session.gather()
                statuses.append(answer.status_code)
            return statuses

    return asyncio.run(main())


def by_httpx(module: str, auth_module: str) -> Any:
    def run(job: dict[str, Any]) -> list[int]:
        client, auth = __import__(module), __import__(auth_module, fromlist=["NexmoJWT"])
        signed = auth.NexmoJWT(*job["credentials"], hosts=job["hosts"])
        with client.Client(auth=signed, follow_redirects=True) as session:
            return [session.get(url).status_code for url in job["urls"]]

    return run


def by_async_httpx(module: str, auth_module: str) -> Any:
    def run(job: dict[str, Any]) -> list[int]:
        client, auth = __import__(module), __import__(auth_module, fromlist=["NexmoJWT"])

        async def main() -> list[int]:
            signed = auth.NexmoJWT(*job["credentials"], hosts=job["hosts"])
            async with client.AsyncClient(auth=signed, follow_redirects=True) as session:
                return [(await session.get(url)).status_code for url in job["urls"]]

        return asyncio.run(main())

    return run


def by_aiohttp(job: dict[str, Any]) -> list[int]:
    import aiohttp

    recipe: dict[str, Any] = {"auth": NexmoJWT(*job["credentials"], hosts=job["hosts"])}
    exec(job["recipe"], recipe)

    async def main() -> list[int]:
        options = {"middlewares": [recipe["signed"]], "trust_env": True}
        async with aiohttp.ClientSession(**options) as session:
            statuses = []
            for url in job["urls"]:
                async with session.get(url) as response:
                    statuses.append(response.status)
            return statuses

    return asyncio.run(main())


def by_urllib3(job: dict[str, Any]) -> list[int]:
    """Send with the proxy that Python finds in the environment: urllib3 alone looks for none."""
    import urllib3

    auth, proxy = NexmoJWT(*job["credentials"], hosts=job["hosts"]), getproxies().get("http")
    statuses = []
    for url in job["urls"]:
        header = {"Authorization": auth.header(url)}
        goes_there = proxy and not proxy_bypass(urlsplit(url).hostname or "")
        with urllib3.ProxyManager(proxy) if goes_there else urllib3.PoolManager() as pool:
            statuses.append(pool.request("GET", url, headers=header).status)
    return statuses


CLIENTS = {
    "requests": by_requests,
    "niquests": by_niquests,
    "niquests, `AsyncSession`": by_async_niquests,
    "httpx2": by_httpx("httpx2", "requests_nexmo_jwt.httpx2"),
    "httpx2, `AsyncClient`": by_async_httpx("httpx2", "requests_nexmo_jwt.httpx2"),
    "httpx": by_httpx("httpx", "requests_nexmo_jwt.httpx"),
    "httpx, `AsyncClient`": by_async_httpx("httpx", "requests_nexmo_jwt.httpx"),
    "httpx2 or httpx, with the plain object": by_httpx("httpx2", "requests_nexmo_jwt"),
    "aiohttp, with the recipe below": by_aiohttp,
    "any other, with `auth.header(url)`": by_urllib3,
}


def drive(name: str, job: dict[str, Any]) -> list[int] | str:
    """Return the statuses that the client got, or the name of the error."""
    try:
        return CLIENTS[name](job)
    except (ScopeError, OSError) as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    print(json.dumps(drive(sys.argv[1], json.load(sys.stdin))))
