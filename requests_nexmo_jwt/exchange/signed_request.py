"""One signed request, whichever client sends it: its token, and what an answer says of that."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from ..token.signer import Signer
from ..url import Origin, origin_of
from ..vonage import REFUSALS
from . import Answer, clock
from .clock import Clocks

_log = logging.getLogger("requests_nexmo_jwt")


class SignedRequest:
    """A request to ``origin`` with a token that was signed by the time of that server.

    If an answer shows that this time was wrong, ``retry`` returns the same request signed anew. How
    it is sent is up to the client: ``requests_hook`` for requests and niquests, ``_httpx`` for
    httpx2 and httpx. ``learn`` takes the last answer.
    """

    def __init__(
        self, signer: Signer, origin: Origin, clocks: Clocks, suggested: float | None = None
    ) -> None:
        self._signer, self._origin, self._clocks = signer, origin, clocks
        self._clock = clocks[origin]
        self._is_second_try = suggested is not None
        self._offset = self._clock.offset if suggested is None else suggested
        self._token = signer.sign(time.time() + self._offset)
        self._is_reported = False

    @property
    def header(self) -> str:
        """The value of its ``Authorization`` header."""
        return self._token.header

    def is_for(self, url: str) -> bool:
        """Return whether ``url`` is at the origin: a redirect may lead away with the token."""
        return origin_of(url) == self._origin

    def retry(self, answer: Answer, obstacle: Callable[[], str | None]) -> SignedRequest | None:
        """Return the request to send once more, or None if nothing suggests that this would help.

        ``obstacle`` returns what prevents that, if anything: then the next request is signed with
        the server's time, and the log says so.
        """
        offset = self._explained_by(answer)
        if offset is None:
            return None
        self._clock.suggested(offset)
        problem = obstacle()
        if problem is None:
            return SignedRequest(self._signer, self._origin, self._clocks, suggested=offset)
        if self._clock.note_offset(offset):
            from . import log_messages  # only if a request is refused

            self._is_reported = True
            state = log_messages.clock_state_changed(offset, answer.url)
            _log.warning("%s Not retried: %s.", state, problem)
        return None

    def learn(self, answer: Answer) -> None:
        """Learn from an answer that is not followed by another try; log why a token was refused."""
        if answer.status in REFUSALS:
            self._refused(answer)
        # A 429 or a 5xx may come before authentication.
        elif self._is_second_try and answer.status < 429 and self._clock.note_offset(self._offset):
            from . import log_messages

            _log.warning("%s", log_messages.clock_state_changed(self._offset, answer.url))
        if answer.status < 300:
            self._clock.accepted(self._offset, self._token.fingerprint)

    def _explained_by(self, answer: Answer) -> float | None:
        """Return the offset of the server's clock, if it explains the refusal of the token.

        It does if the token was not valid at the answer's ``Date``. None if it was tried in vain.
        """
        if answer.status not in REFUSALS:
            return None
        at = clock.server_time(answer.headers.get("Date"), answer.headers.get("Age"))
        if at is None or self._token.is_valid_at(at):
            return None
        offset = at - time.time()
        return offset if self._clock.is_worth_a_try(offset, self._token.fingerprint) else None

    def _refused(self, answer: Answer) -> None:
        from ..vonage.products import refuses
        from . import log_messages

        # Any other 403 is about what was requested, not about the time.
        if refuses(answer.status, answer.url):
            if self._is_second_try:
                self._clock.tried_in_vain(self._offset, self._token.fingerprint)
            else:
                self._clock.refused(self._offset)
        elif not log_messages.lacks_permission(self._token.text, answer):
            return
        if not self._is_reported and self._clock.note_refusal():
            has_worked = self._clock.has_accepted(self._token.fingerprint)
            message = log_messages.refusal(self._token, answer, has_worked=has_worked)
            _log.warning("%s", message)

    def lost(self, answer: Answer, *, is_replaced: bool) -> None:
        """Log why a request was refused that no longer carried its token."""
        if answer.status in REFUSALS and self._clock.note_refusal():
            from . import log_messages

            message = log_messages.lost_token(answer, self._origin, is_replaced=is_replaced)
            _log.warning("%s", message)
