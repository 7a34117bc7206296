"""Which of Vonage's products is behind a URL, which authentication it takes, how it refuses.

The table is ``docs/vonage.md``'s, where each row has its sources. Adding a product is adding a
line. A product that is not in it is unknown: nothing is said about it.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from ..url import host_matches, origin_of
from . import API_HOST


class Product(NamedTuple):
    """A product: where it is, what it takes, and in whose words it refuses.

    ``hosts`` may contain a ``*`` within a label; a ``*`` in ``paths``, which are prefixes, matches
    one segment. ``takes`` has ``jwt`` for a token of an application, ``basic``, ``query``, ``body``
    and ``signature`` for the API key and secret in these places, or words for anything else.
    """

    name: str
    hosts: tuple[str, ...]
    paths: tuple[str, ...]
    takes: tuple[str, ...]
    dialect: str

    @property
    def takes_jwt(self) -> bool:
        """Whether it takes a token of an application."""
        return "jwt" in self.takes

    @property
    def takes_key_and_secret(self) -> bool:
        """Whether it takes the API key and secret in an ``Authorization: Basic`` header."""
        return "basic" in self.takes

    @property
    def refusal_status(self) -> int:
        """The status with which it refuses a token."""
        return 403 if self.dialect == "video" else 401

    @property
    def refuses_without_a_reason(self) -> bool:
        """Whether its refusals are the same whatever is wrong, and the Users API is beside it."""
        return self.dialect == "voice" and self.takes_jwt

    @property
    def wants_a_user(self) -> bool:
        """Whether its tokens are those of a user, with ``sub``."""
        return self.name == "Client SDK"

    @property
    def instead(self) -> str:
        """A clause that says what it accepts, where that is not a token."""
        if not self.takes_key_and_secret:
            return f"the {self.name} API accepts {self.takes[0]}"
        return (
            f"the {self.name} API accepts the API key and secret: auth=(KEY, SECRET) in Python, "
            "-a KEY:SECRET with http"
        )


def find(path: str, host: str | None = None) -> Product | None:
    """Return the product with ``path`` at ``host``, by the longest prefix; None where unknown.

    Without ``host`` the path decides alone, as for a mock on this machine.
    """
    asked = path.partition("?")[0].split("/")[1:]
    best, longest = None, -1
    for product in PRODUCTS:
        if host is None or any(host_matches(pattern, host) for pattern in product.hosts):
            for prefix in product.paths:
                length = _length(prefix, asked)
                if length > longest and not (host is None and prefix == "/"):
                    best, longest = product, length
    return best


def product_of(url: str) -> Product | None:
    """Return the product that ``url`` belongs to; on this machine, the path alone decides."""
    origin = origin_of(url)
    if origin is None:
        return None
    return find(urlsplit(url).path, None if origin.is_loopback else origin.host)


def refuses(status: int, url: str) -> bool:
    """Tell whether an answer to ``url`` refuses the token: a 401, or a 403 of Vonage Video."""
    if status != 403:
        return status == 401
    product = product_of(url)
    return product is not None and product.refusal_status == 403


def _length(prefix: str, asked: list[str]) -> int:
    """Return how many segments a matching ``prefix`` has, or -1 where it does not match."""
    segments = prefix.strip("/").split("/") if prefix != "/" else []
    is_match = len(segments) <= len(asked) and all(
        segment in ("*", part) for segment, part in zip(segments, asked, strict=False)
    )
    return len(segments) if is_match else -1


def _row(name: str, hosts: str, paths: str, takes: str, dialect: str = "gateway") -> Product:
    words = set(takes.split())
    is_list = words <= {"jwt", "basic", "query", "body", "signature"}
    kinds = tuple(takes.split()) if is_list else (takes,)
    return Product(name, tuple(hosts.split()), tuple(paths.split()), kinds, dialect)


_API = API_HOST
_REGIONS = "api.nexmo.com api-*.nexmo.com"
_EU = "api-eu.vonage.com"
_REST = "rest.nexmo.com"
_VOICE = _REGIONS + "".join(f" api-{r}-{n}.vonage.com" for r in ("us", "eu", "ap") for n in (3, 4))
_MESSAGES = "api.nexmo.com api-eu.nexmo.com api-us.nexmo.com api-ap.nexmo.com"
_CONVERSATIONS = (
    "/v0.1/conversations /v0.2/conversations /v0.3/conversations /v1/conversations "
    "/beta/conversations /beta2/conversations"
)
_CLIENT_SDK = (
    "/v0.1/legs /v0.3/legs /v1/legs /beta/legs /v1/sessions /v1/knocking /v1/devices /v1/image "
    "/v1/push"
)
_USERS = "/v0.1/users /v0.2/users /v0.3/users /v1/users /beta/users"
_TRANSFERS = "/accounts/*/balance-transfers /accounts/*/credit-transfers"
_NUMBERS_OF_SUBACCOUNTS = "/accounts/*/transfer-number"
_OPENTOK = "its own token, in the header X-OPENTOK-AUTH"
_CAMARA = "the access token that /oauth2/token returns"

#: The products, in the order in which a path without a host is looked up.
PRODUCTS = (
    _row("Voice", _VOICE, "/v1/calls", "jwt", "voice"),
    _row("Voice v2", _API, "/v2/calls", "jwt"),
    _row("Voice recordings", _REGIONS, "/v1/files", "jwt"),
    _row("Conversation", _REGIONS, _CONVERSATIONS, "jwt", "conversation"),
    _row("Users", _REGIONS, _USERS, "jwt", "conversation"),
    _row("Client SDK", _REGIONS, _CLIENT_SDK, "jwt", "conversation"),
    _row("Messages", _MESSAGES, "/v1/messages", "jwt basic", "messages"),
    _row("Messages v0.1", _API, "/v0.1/messages", "jwt basic", "messages"),
    _row(
        "Messages sandbox",
        "messages-sandbox.nexmo.com",
        "/v0.1/messages /v1/messages",
        "jwt basic",
        "messages",
    ),
    _row("Dispatch", _API, "/v0.1/dispatch", "jwt basic", "messages"),
    _row("Verify v2", _API, "/v2/verify", "jwt basic", "verify"),
    _row("Video", "video.api.vonage.com", "/session/create /v2/project", "jwt", "video"),
    _row(
        "Identity Insights",
        f"{_EU} api-us.vonage.com",
        "/identity-insights/v1/requests /v0.1/identity-insights",
        "jwt",
    ),
    _row("Location retrieval", _EU, "/network-location/v0.1/retrieval", "jwt"),
    _row("Network authentication", f"{_EU} {_API}", "/oauth2/bc-authorize /oauth2/token", "jwt"),
    _row("Meetings", _EU, "/v1/meetings /meetings /beta/meetings", "jwt"),
    _row("Proactive Connect", _EU, "/v0.1/bulk", "jwt"),
    _row("Media", _API, "/v3/media", "jwt basic", "media"),
    _row("External accounts", _API, "/beta/chatapp-accounts", "jwt basic", "messages"),
    _row("WhatsApp provisioning", _API, "/v0.1/whatsapp-manager", "jwt basic"),
    _row("10DLC", f"{_EU} {_API}", "/v1/10dlc", "basic jwt"),
    _row("Channel manager", _API, "/v2/whatsapp-manager /v1/channel-manager", "basic"),
    _row("Application v1", _API, "/v1/applications", "basic query"),
    _row("Application", _API, "/v2/applications", "basic"),
    _row("Account secrets", _API, "/accounts/*/secrets", "basic", "account"),
    _row("Subaccounts", _API, "/accounts/*/subaccounts", "basic", "account"),
    _row("Subaccounts", _API, f"{_TRANSFERS} {_NUMBERS_OF_SUBACCOUNTS}", "basic", "account"),
    _row("Reports", _API, "/v2/reports", "basic"),
    _row("Redact", _API, "/v1/redact", "basic", "voice"),
    _row("Audit", _API, "/beta/audit", "basic", "audit"),
    _row("Verify v1", _API, "/verify", "query body basic"),
    _row("Number Insight", _API, "/ni", "basic query"),
    _row("Number Insight v2", _API, "/v2/ni", "basic"),
    _row("Conversion", _API, "/conversions", "basic query signature"),
    _row("Programmable SIP", _API, "/v1/psip", "basic"),
    _row("Emergency calling", _API, "/v1/addresses /v1/emergency", "basic"),
    _row("SMS", _REST, "/sms/json /sms/xml", "body basic signature", "rest"),
    _row("Account and Pricing", _REST, "/account", "query basic", "rest"),
    _row("Numbers", _REST, "/number /account/numbers", "query basic", "rest"),
    _row("Message search", _REST, "/search", "query basic", "rest"),
    _row("US short codes", _REST, "/sc/us", "query body basic", "rest"),
    _row("rest.nexmo.com", _REST, "/", "query body basic", "rest"),
    _row("OpenTok", "api.opentok.com", "/v2/project /session/create", _OPENTOK),
    _row("Network (CAMARA)", _EU, "/camara", _CAMARA),
    _row(
        "Number verification", "oidc.idp.vonage.com", "/oauth2/auth", "no token: it is for browsers"
    ),
    _row("VBC", "api.vonage.com", "/t/vbc.prod", "the OAuth2 token of one of its users"),
    _row("Contact Center", "*.cc.vonage.com *.newvoicemedia.com", "/", "its own token"),
    _row("AI Studio", "studio-api-*.ai.vonage.com", "/", "a key in the header X-Vgai-Key"),
)
