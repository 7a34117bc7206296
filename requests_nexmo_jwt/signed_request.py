"""One signed request, whichever client sends it: its tokens, and what the answers say of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from types import ModuleType
from typing import NamedTuple

from . import clock
from .clock import ServerClock
from .signer import Signer, Token

_log = logging.getLogger(__package__)


class Answer(NamedTuple):
    """A server's answer to one hop, ``seconds`` after it was sent with this ``authorization``."""

    status: int
    headers: Mapping[str, str]
    url: str
    method: str
    authorization: str | bytes | None
    seconds: float


class SignedRequest:
    """A request that is signed by the time of one server.

    It makes a token for each hop, learns from the answers what time it is at that server, and has
    a refused hop sent once more where the time explains the refusal. How a client does that is the
    client's: ``response_hook`` does for requests and niquests, ``auth_flow`` for httpx2 and httpx.
    """

    def __init__(self, signer: Signer, server_clock: ServerClock) -> None:
        self._signer, self._clock = signer, server_clock
        self._sent: dict[str, _Sent] = {}  # by header; a request may be sent more than once

    def has_sent(self, header: object) -> bool:
        """Tell whether this request carried ``header``."""
        return str(header) in self._sent

    def new_header(self, suggested: float | None = None) -> str:
        """Sign a token by the server's time, and remember it by the header that carries it.

        ``suggested`` is the offset of a second try.
        """
        offset = self._clock.offset if suggested is None else suggested
        token = self._signer.sign(time.time() + offset)
        self._sent[token.header] = _Sent(token, offset)
        return token.header

    def judge(
        self, answer: Answer, obstacle: Callable[[], str | None]
    ) -> Generator[str, Answer, None]:
        """Judge the answer to a hop.

        Where the server's time explains a refusal, yield the header to send that hop once more
        with, and judge what is sent back: the answer to it. ``obstacle`` tells what keeps a request
        from being sent again, if anything.
        """
        sent = self._sent_with(answer)
        offset = self._explained_by(answer, sent) if sent else None
        is_reported = False
        if sent and offset is not None:
            self._clock.suggested(offset)
            problem = obstacle()
            if problem:
                is_reported = self._clock.is_news(offset)
                if is_reported:
                    _warn(_log_messages().not_sent_again(offset, answer.url, problem))
            else:
                refused, answer = answer, (yield self.new_header(offset))
                self._judge_second(answer, refused, offset, sent.token.fingerprint)
                sent = self._sent_with(answer)
        if sent is None:
            return  # a hop to another origin, which had no token
        if answer.status < 300:
            self._clock.accepted(sent.offset, sent.token.fingerprint)
        elif _refuses_token(answer):
            self._clock.refused(sent.offset)
            if not is_reported and self._clock.claim_report():
                self._report(answer, sent)

    def _sent_with(self, answer: Answer) -> _Sent | None:
        return self._sent.get(str(answer.authorization))

    def _explained_by(self, answer: Answer, sent: _Sent) -> float | None:
        """Return the offset of the server's clock, where it explains the refusal of a token.

        It does if the token was not valid at the ``Date`` of the answer. This suggests a wrong
        clock; it does not prove one. None where it does not, or where that was tried in vain.
        """
        if answer.status not in (401, 403):
            return None
        at = clock.server_time(answer.headers.get("Date"), answer.headers.get("Age"))
        if at is None or sent.token.is_valid_at(at):
            return None
        offset = at - time.time()
        return offset if self._clock.is_worth_a_try(offset, sent.token.fingerprint) else None

    def _judge_second(
        self, answer: Answer, refused: Answer, offset: float, fingerprint: str
    ) -> None:
        if answer.status in (401, 403):
            self._clock.tried_in_vain(offset, fingerprint)
        elif answer.status < 429 and self._clock.is_news(offset):
            _warn(_log_messages().clock_news(offset, refused.url))

    def _report(self, refused: Answer, sent: _Sent) -> None:
        """Log what may explain a refusal: once for each server, until it accepts a token."""
        _warn(
            _log_messages().summary(
                sent.token.text,
                refused,
                application_id=self._signer.application_id,
                fingerprint=sent.token.fingerprint,
                has_worked=self._clock.has_accepted(sent.token.fingerprint),
            )
        )


def conclude(judging: Generator[str, Answer, None], answer: Answer) -> None:
    """Let the answer to a second try be judged; there is no third."""
    with suppress(StopIteration):
        judging.send(answer)


class _Sent(NamedTuple):
    """A token that a hop carries, and the clock offset that it was signed with."""

    token: Token
    offset: float


def _log_messages() -> ModuleType:
    """Import the log messages only when a request is refused."""
    from . import log_messages

    return log_messages


def _warn(message: str) -> None:
    _log.warning("%s", message)


def _refuses_token(answer: Answer) -> bool:
    if answer.status not in (401, 403):
        return False
    from .products import refuses  # not for those who are never refused

    return refuses(answer.status, answer.url)
