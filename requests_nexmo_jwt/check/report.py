"""The report of ``nexmo-jwt check``, as text and as JSON."""

from __future__ import annotations

import os
import platform
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import responses
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from .. import __version__
from ..credentials.key import Key
from ..credentials.places import CLIConfig, Credentials
from ..exchange.clock import is_off
from ..exchange.log_messages import clock_state
from ..scope import ENDPOINT_VARIABLE
from ..vonage import dialects
from ..vonage.identifiers import is_application_id, shown_id
from .account import Record
from .cause import Cause
from .evidence import Evidence
from .probe import Reply, without_secrets


@dataclass(frozen=True)
class Subject:
    """The credentials and the key that were checked, or None for a token that was passed in."""

    credentials: Credentials | None = None
    key: Key | None = None
    application_id: object = None

    @property
    def path(self) -> str | None:
        """The file that has the key, or None if it is not in a file."""
        place = self.credentials.place if self.credentials else None
        path = self.key.path if self.key else None
        path = path or (place.path if isinstance(place, CLIConfig) else None)
        return path if path and os.path.exists(path) else None

    @property
    def mode(self) -> int | None:
        """The permissions of that file, or None if there is no file or the system has no modes."""
        with suppress(OSError):
            if self.path and os.name == "posix":
                return stat.S_IMODE(os.stat(self.path).st_mode)
        return None


@dataclass(frozen=True)
class Report:
    """What was checked, the answers, and the possible causes. ``hint`` ends the text."""

    subject: Subject
    evidence: Evidence
    causes: list[Cause]
    hint: str = ""

    @property
    def reply(self) -> Reply:
        """The answer to the first request."""
        return self.evidence.reply

    @property
    def ok(self) -> bool | None:
        """Whether all is well, or None if the answer is inconclusive."""
        if self.reply.status is None and self.reply.trouble is None:
            return False  # nothing was sent
        if self.reply.verdict == "unclear":
            return None
        return self.reply.verdict == "accepted" and not self.causes

    def as_json(self) -> dict[str, Any]:
        """Return the report in the form that ``docs/check.md`` documents."""
        subject, reply, key = self.subject, self.reply, self.subject.key
        found, is_id = subject.credentials, is_application_id(subject.application_id)
        text = without_secrets(reply.reading.text)
        said = {"code": reply.reading.code, "text": text} if reply.status else None
        return {
            "ok": self.ok,
            "version": __version__,
            "credentials": found
            and {"source": found.source, "also_checked": list(found.also_checked)},
            "application": {"id": self._application_id, "looks_valid": is_id},
            "key": key
            and {
                "fingerprint": key.fingerprint,
                "bits": key.current().private.key_size,
                "form": key.current().form,
                "path": subject.path,
                "mode": None if subject.mode is None else f"{subject.mode:04o}",
            },
            "request": {
                "url": without_secrets(reply.url),
                "status": reply.status,
                "second_try": reply.first_status is not None,
                "trace_id": reply.reading.trace_id,
            },
            "clock": {"offset_s": None if reply.offset is None else round(reply.offset)},
            "answer": said,
            "causes": [vars(cause) for cause in self.causes],
        }

    @property
    def _application_id(self) -> str | None:
        application_id = self.subject.application_id
        if application_id is None:
            return None
        text = shown_id(application_id)
        return str(application_id) if text == repr(application_id) else text

    def as_text(self) -> Iterator[str]:
        """Yield the lines of the report: the verdict, the causes, and the evidence."""
        yield self._verdict()
        for number, cause in enumerate(self.causes, 1):
            yield ""
            yield f"{number}. {cause.certainty}: {cause.problem}"
            yield f"   {cause.remedy}"
        yield ""
        yield from self._lines_on_the_credentials()
        yield from self._lines_on_the_key()
        yield from self._lines_on_the_answer()
        yield from self._lines_on_further_questions()
        yield f"versions: {_versions()}"

    def _verdict(self) -> str:
        reply = self.reply
        answer = f"{reply.status} {reply.reason}".rstrip()
        if reply.status is None:
            return "No answer came, so nothing is known of the token."
        if reply.verdict == "refused":
            return f"The token is refused: {answer}."
        if reply.verdict == "unclear":
            return f"Inconclusive: {answer} does not tell whether the token is accepted."
        return f"The token is accepted: {answer}{', but see below' if self.causes else ''}."

    def _lines_on_the_credentials(self) -> Iterator[str]:
        found, application_id = self.subject.credentials, self.subject.application_id
        if found:
            yield f"credentials: {found.source}"
            if found.also_checked:
                checked = ", ".join(found.also_checked)
                yield f"  also checked, no credentials there: {checked}"
        doubt = " - not a UUID, so probably not an application id"
        is_sound = application_id is None or is_application_id(application_id)
        named = self._application_id or "the token names none"
        yield f"application: {named}{'' if is_sound else doubt}"

    def _lines_on_the_key(self) -> Iterator[str]:
        """Yield the size and form of the key, its fingerprint, and who can read its file."""
        key, path, mode = self.subject.key, self.subject.path, self.subject.mode
        if not key:
            return
        yield f"key: RSA, {key.current().private.key_size} bits, {key.current().form}"
        yield f"  {key.fingerprint}"
        if mode is not None and mode & 0o077:
            yield f"  others can read {path} (mode {mode:04o}): chmod 600 it"
        elif mode is not None:
            yield f"  only you can read {path} (mode {mode:04o})"

    def _lines_on_the_answer(self) -> Iterator[str]:
        reply = self.reply
        moved = self.evidence.in_place_of
        place = f", in place of {moved}, by {ENDPOINT_VARIABLE}" if moved else ""
        yield f"request: GET {without_secrets(reply.url)}{place}"
        if reply.status is None:
            return
        after = f", after a {reply.first_status} to a token signed with this machine's time"
        yield f"  {reply.status} {reply.reason}{after if reply.first_status else ''}"
        if reply.reading.text:
            yield f"  the server says: {without_secrets(reply.reading.text)}"
        if reply.reading.trace_id and self.causes:
            yield f"  trace id, for Vonage's support: {reply.reading.trace_id}"
        by = "" if reply.offset is None else ", by the server's Date"
        advice = "; set this machine's clock" if is_off(reply.offset, reply.elapsed) else ""
        yield f"clock: {clock_state(reply.offset, reply.elapsed)}{by}{advice}"

    def _lines_on_further_questions(self) -> Iterator[str]:
        record, users = self.evidence.record, self.evidence.users
        if record:
            whose = f"API key {record.account.name} and its secret"
            yield f"also asked, with {whose} ({record.account.source}):"
            yield f"  GET {record.reply.url}"
            yield f"  {_what_the_account_said(record)}"
        if users:
            yield "also asked, since Voice's refusals do not say why:"
            yield f"  GET {users.url}"
            # Not the text: the server may have received the secret before, and repeat it.
            code = users.reading.code
            reason = "no reason" if code == dialects.UNKNOWN else f"the reason '{code}'"
            said = "" if users.verdict == "accepted" else f", with {reason}"
            yield f"  {users.trouble.problem if users.trouble else _status(users) + said}"
        if self.hint:
            yield self.hint


def _what_the_account_said(record: Record) -> str:
    reply = record.reply
    if reply.trouble:
        return reply.trouble.problem
    said = _status(reply)  # not the text: it may repeat the secret
    if reply.status == 401:
        return f"{said}: the API key and secret are refused, so nothing is known of the application"
    if record.public_key:
        has = dialects.line(", ".join(record.capabilities or ()))
        return f"{said}, public key {record.fingerprint}{has and f', capabilities: {has}'}"
    return f"{said}, without a public key that can be read" if reply.status == 200 else said


def _status(reply: Reply) -> str:
    return f"{reply.status} {responses.get(reply.status or 0, '')}".rstrip()


def _versions() -> str:
    versions = [f"{name} {_version(name)}" for name in ("requests", "PyJWT", "cryptography")]
    python, system = platform.python_version(), f"{platform.system()} {platform.release()}"
    return ", ".join([f"requests-nexmo-jwt {__version__}", *versions, f"Python {python}", system])


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # a bundle without metadata
        return "unknown"
