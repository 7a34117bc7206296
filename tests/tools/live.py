"""Ask the real Vonage what no public source says: `make live`, for people with an account.

It sends thirty GET requests, which make no call and send no message, and writes the answers to a
file, without anything that belongs to the account. ``live_questions`` has the questions and the
redaction; ``docs/vonage.md`` says what is unknown so far.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from live_questions import (
    MESSAGES,
    QUESTIONS,
    VOICE,
    Answer,
    Product,
    Question,
    Redactor,
    Tokens,
    row,
    steps,
    written_body,
    written_headers,
)
from requests import PreparedRequest, Response
from requests.auth import AuthBase

from requests_nexmo_jwt import NexmoJWTError
from requests_nexmo_jwt.check.probe import Reply, ask
from requests_nexmo_jwt.credentials import discovery
from requests_nexmo_jwt.credentials.places import VARIABLES, CLIConfig
from requests_nexmo_jwt.exchange.clock import TOLERANCE
from requests_nexmo_jwt.redaction import escaped, unquoted
from requests_nexmo_jwt.url import host_part, origin_of, requests_would_proxy
from requests_nexmo_jwt.vonage.dialects import read

LIVE_HOST = "api.nexmo.com"
LIVE = f"https://{LIVE_HOST}"
URL_VARIABLE = "NEXMO_LIVE_URL"
MIN_PAUSE = 0.25  # seconds, towards Vonage: a few requests a second at most


class Stop(Exception):  # noqa: N818 - a sentence for the person, and the end
    """Why nothing more is asked: what is wrong, where, and what to do."""


class GivenToken(AuthBase):
    """Sends one token, and keeps the headers of its answer, which a ``Reply`` has not."""

    def __init__(self, token: str) -> None:
        self._token = token
        self.headers: dict[str, str] = {}

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        r.headers["Authorization"] = f"Bearer {self._token}"
        r.register_hook("response", self._keep)
        return r

    def _keep(self, response: Response, **options: Any) -> None:
        self.headers = dict(response.headers)


@dataclass
class Conversation:
    """Asks one server, question by question; ``offset`` is how far its clock is ahead of ours."""

    base: str
    tokens: Tokens
    redact: Redactor
    timeout: float
    offset: float = 0
    answers: list[Answer] = field(default_factory=list)

    def put(self, question: Question, product: Product) -> None:
        """Make one request; raise ``Stop`` where further ones would teach nothing."""
        now = int(time.time() + self.offset)
        token, claims = self.tokens.make(question, product, now)
        auth = GivenToken(token)
        reply = ask(f"{self.base}{product.path}", auth, timeout=self.timeout)
        if reply.status is None or reply.trouble:
            trouble = " ".join(reply.trouble or ())
            raise Stop(f"{question.text}, {product.name}: no answer. {escaped(trouble)}")
        if reply.offset is not None and abs(reply.offset) > TOLERANCE:
            self.offset = reply.offset
        text = question.text
        if question.is_about_iat and reply.offset is not None:
            text += f" ({claims['iat'] - reply.server_time:.0f} s after the Date)"
        self.answers.append(self._redacted(text, product, reply, auth.headers))
        print(self.answers[-1].as_row(), flush=True)
        self._check(question, product, reply)

    def _redacted(
        self, text: str, product: Product, reply: Reply, headers: dict[str, str]
    ) -> Answer:
        status = reply.status or 0
        body = written_body(status, reply.body, self.redact)
        return Answer(
            question=text,
            product=product,
            status=status,
            code="-" if status < 300 else reply.reading.code,
            words="" if status < 300 else read(body.encode(), {}).text,
            headers=written_headers(headers, reply.body, self.redact),
            body=body,
        )

    def _check(self, question: Question, product: Product, reply: Reply) -> None:
        if reply.status == 429:
            raise Stop("The server answered 429: too many requests. Try later, with --pause 2.")
        if (question, product) != (QUESTIONS[0], VOICE) or reply.verdict == "accepted":
            return
        url = "" if self.base == LIVE else f" --url {self.base}{product.path}"
        self.answers.clear()
        raise Stop(
            f"{product.name} does not accept a good token (status {reply.status}), so the other "
            f"answers would mean nothing. Run 'nexmo-jwt check{url}' to find out why."
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Ask, print and write; return 0, or 1 where not everything was asked and written."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may not have "…"
    try:
        if os.environ.get("CI"):
            raise Stop(
                "The variable CI is set, and this must not run in CI: it uses somebody's real "
                "account. Run it by hand, or unset CI."
            )
        arguments = _arguments(argv)
        base, host = _base(arguments.url, arguments.pause)
        conversation, source = _prepared(base, arguments.timeout)
        _check_output(arguments.output)
        _announce(base, source, arguments)
        problem = _ask_all(conversation, arguments.pause)
        _summarize(conversation.answers)
        if conversation.answers:
            _write(arguments.output, conversation, host)
        if problem:
            raise Stop(problem)
    except (Stop, NexmoJWTError) as error:
        print(f"make live: {escaped(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("make live: interrupted; nothing was written.", file=sys.stderr)
        return 130
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="live.py", description=__doc__.partition("\n")[0])
    add = parser.add_argument
    where = f"{LIVE}, or a server on this machine (default: {URL_VARIABLE} or {LIVE})"
    add("--url", default=os.environ.get(URL_VARIABLE) or LIVE, metavar="BASE", help=where)
    output = "the file for the answers (default: %(default)s)"
    add("--output", type=Path, default=Path("live-answers.json"), metavar="FILE", help=output)
    pause = "how long to wait between two requests (default: %(default)s)"
    add("--pause", type=_seconds, default=0.5, metavar="SECONDS", help=pause)
    longest = "how long to wait for an answer (default: %(default)s)"
    add("--timeout", type=_seconds, default=15, metavar="SECONDS", help=longest)
    return parser.parse_args(argv)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if 0 <= seconds <= 600:
        return seconds
    raise argparse.ArgumentTypeError("give a number of seconds, up to 600")


def _base(url: str, pause: float) -> tuple[str, str]:
    """Return where to ask, without a path, and the name that the file has for it."""
    origin = origin_of(url.rstrip("/"))
    shown = unquoted(host_part(url))
    if origin is None or not (str(origin) == LIVE or origin.is_loopback):
        raise Stop(
            f"--url or {URL_VARIABLE} names {shown}. Tokens of a real account are sent to {LIVE} "
            "only; for a trial, name a server on this machine: http://127.0.0.1:PORT"
        )
    parts = urlsplit(url)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise Stop(f"--url or {URL_VARIABLE} has a path. Give scheme, host and port: {shown}")
    if origin.scheme == "http" and requests_would_proxy(url):
        raise Stop(
            f"HTTP_PROXY or ALL_PROXY names a proxy for {origin}, which would see the tokens in "
            f"clear text. Add the host to NO_PROXY: NO_PROXY={origin.host}"
        )
    if origin.is_loopback:
        return str(origin), "<loopback>"
    if pause < MIN_PAUSE:
        raise Stop(f"--pause is {pause:g} s. Give {MIN_PAUSE:g} s or more: {LIVE} has rate limits.")
    return LIVE, origin.host


def _prepared(base: str, timeout: float) -> tuple[Conversation, str]:
    """Find the credentials as ``NexmoJWT()`` does, and hide all that is beside them."""
    found, redact = discovery.discover(), Redactor()
    key = found.load_key().current()
    redact.hide(key.fingerprint.partition(":")[2], "<fingerprint>")
    account = found.place.account() if isinstance(found.place, CLIConfig) else None
    if account:
        redact.hide(account.api_key.text(), "<API key>")
        redact.hide(account.api_secret.text(), "<API secret>")
    tokens = Tokens(found.application_id, key.private, redact)
    for variable in VARIABLES:  # also those of another place, which was not used
        redact.hide(os.environ.get(variable, "").strip(), f"<{variable}>")
    return Conversation(base, tokens, redact, timeout), found.source


def _check_output(path: Path) -> None:
    """Raise ``Stop`` where the answers could not be written: before anything is asked."""
    was_there = path.exists()
    try:
        path.open("a").close()
        if not was_there:
            path.unlink()
    except OSError as error:
        raise Stop(f"{_unwritable(path, error)} Nothing was sent.") from None


def _unwritable(path: Path, error: OSError) -> str:
    return f"--output: cannot write {unquoted(str(path))}: {error.strerror}. Name another file."


def _announce(base: str, source: str, arguments: argparse.Namespace) -> None:
    count, pause = len(list(steps())), arguments.pause
    print(f"This sends {count} GET requests to {base}, {pause:g} s apart. They make no call,")
    print("send no message and change nothing. Refused ones may appear in the account's logs.")
    print(f"Credentials: {escaped(source)}")
    print("Each question is a token, sent to these products:\n")
    for question in QUESTIONS:
        print(f"  {question.text:30} {', '.join(product.name for product in question.products)}")
    print(f"\n{row('question', 'product', 'status', 'code', 'words of the server')}", flush=True)


def _ask_all(conversation: Conversation, pause: float) -> str | None:
    """Put all questions; return why that ended early, if it did."""
    for number, (question, product) in enumerate(steps()):
        if number:
            time.sleep(pause)
        try:
            conversation.put(question, product)
        except Stop as stop:
            return str(stop)
    return None


def _summarize(answers: list[Answer]) -> None:
    """Say what the table does not show: the headers, and what Messages can and cannot show."""
    if not answers:
        return
    names = sorted({name for answer in answers for name in answer.headers})
    print(f"\nResponse headers: {', '.join(names)}")
    traces = [answer.headers.get("x-nexmo-trace-id", "") for answer in answers]
    same, other = (sum(word in trace for trace in traces) for word in ("same", "different"))
    print(f"x-nexmo-trace-id equals instance in {same} of {same + other} answers that have both.")
    print("An accepted exp beyond 24 h does not show when that token expires.")
    messages = [(a.status, a.code, a.words) for a in answers if a.product == MESSAGES]
    what = "all tokens got the same answer, so it does not show whether a token is checked"
    if len(set(messages)) > 1:
        what = "the answer depends on the token, so the token is checked"
    if len(messages) > 1:
        print(f"Messages has no documented GET request. To GET {MESSAGES.path}, {what}.")
        print("What POST answers, which would send a message, was not asked.")


def _write(path: Path, conversation: Conversation, host: str) -> None:
    grade = "live-test" if host == LIVE_HOST else "sandbox"
    entries = [answer.as_entry(host, grade) for answer in conversation.answers]
    text = json.dumps(entries, indent=1, ensure_ascii=False) + "\n"
    if conversation.redact.leaks_into(text):
        raise Stop("An answer holds an id or a token after redaction, so nothing was written.")
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Stop(_unwritable(path, error)) from None
    print(
        f"\n{len(entries)} answers were written to {unquoted(str(path))}, without ids and tokens."
    )
    print("Please read the file, then send it in with an issue.")


if __name__ == "__main__":
    sys.exit(main())
