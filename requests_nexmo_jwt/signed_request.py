"""What happens to one request after it was signed: its redirects, and one more try a hop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from requests import Response

from . import clock, second_try
from .clock import ServerClock
from .redirect import NextHops, stays
from .signer import Signer, Token

_log = logging.getLogger(__package__)


class SignedRequest:
    """A request that was signed.

    It is a response hook of requests, which calls it after each hop. For a redirect, requests
    copies the next hop from the request that was sent, this hook included, after the hook has run;
    ``NexmoJWT.__call__`` is not called again.
    """

    def __init__(self, signer: Signer, server_clock: ServerClock) -> None:
        self._signer, self._clock = signer, server_clock
        self._sent: dict[str, _Sent] = {}  # by header; a request may be sent more than once
        self._next_hops = NextHops()

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

    def __call__(self, response: Response, **kwargs: Any) -> Response:
        """Judge the answer to a hop, and prepare the next one."""
        self._next_hops.forget()
        request = response.request
        sent = self._sent.get(str(request.headers.get("Authorization")))
        if sent is None:
            return response  # a hop to another origin, which had no token
        is_explained = False
        if response.status_code in (401, 403):
            response, is_explained = self._try_again(response, sent, **kwargs)
            sent = self._sent.get(str(response.request.headers.get("Authorization")), sent)
        if response.status_code < 300:
            self._clock.accepted(sent.offset, sent.token.fingerprint)
        elif _refuses_token(response):
            self._clock.refused(sent.offset)
            if not is_explained and self._clock.claim_report():
                self._report(response, sent)
        if response.is_redirect:
            self._next_hops.give(request, self.new_header() if stays(response) else None)
        return response

    def _try_again(self, refused: Response, sent: _Sent, **kwargs: Any) -> tuple[Response, bool]:
        """Send the request again with the server's time, where its ``Date`` explains the refusal.

        It does if the token was not valid at that time. This suggests a wrong clock; it does not
        prove one. Return the answer, and whether the refusal was logged with its explanation.
        """
        at = clock.server_time(refused.headers.get("Date"), refused.headers.get("Age"))
        if at is None or sent.token.is_valid_at(at):
            return refused, False
        offset = at - time.time()
        if not self._clock.is_worth_a_try(offset, sent.token.fingerprint):
            return refused, False
        self._clock.suggested(offset)
        obstacle = second_try.obstacle(refused)
        if obstacle:
            is_news = self._clock.is_news(offset)
            if is_news:
                _warn(_log_messages().not_sent_again(offset, refused, obstacle))
            return refused, is_news
        response = second_try.send(refused, self.new_header(offset), **kwargs)
        if response.status_code in (401, 403):
            self._clock.tried_in_vain(offset, sent.token.fingerprint)
        elif response.status_code < 429 and self._clock.is_news(offset):
            _warn(_log_messages().clock_news(offset, refused))
        return response, False

    def _report(self, refused: Response, sent: _Sent) -> None:
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

    def __deepcopy__(self, memo: object) -> SignedRequest:
        return self

    def __reduce__(self) -> tuple[Callable[[], Callable[..., Response]], tuple[()]]:
        return _hook_after_a_pickle, ()


class _Sent(NamedTuple):
    """A token that a hop carries, and the clock offset that it was signed with."""

    token: Token
    offset: float


def _hook_after_a_pickle() -> Callable[..., Response]:
    """Return the hook of a request that has travelled in a pickle: it has no key to sign with."""
    return _do_nothing


def _do_nothing(response: Response, **kwargs: Any) -> Response:
    return response


def _log_messages() -> ModuleType:
    """Import the sentences on a refusal: whoever is never refused does not pay for it."""
    from . import log_messages

    return log_messages


def _warn(message: str) -> None:
    _log.warning("%s", message)


def _refuses_token(response: Response) -> bool:
    if response.status_code not in (401, 403):
        return False
    from .products import refuses  # not for those who are never refused

    return refuses(response.status_code, response.url)
