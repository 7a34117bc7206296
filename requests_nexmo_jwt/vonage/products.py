"""Vonage's products: their URLs, the authentication that each accepts, and how it refuses.

``docs/vonage.md`` has the source of each row. To add a product, add a row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..url import host_matches, origin_of
from . import API_HOST


class Product(NamedTuple):
    """A product of Vonage.

    ``hosts`` may contain a ``*`` for a label or a part of one. ``paths`` are prefixes, in which a
    ``*`` matches one segment. ``takes`` has ``jwt`` for an application's token, ``basic``,
    ``query``, ``body`` and ``signature`` for the ways to pass an API key and secret, or one
    description of anything else. ``dialect`` is the format of its refusals. ``end`` says since or
    from when it is no longer offered, if that is known.
    """

    name: str
    hosts: tuple[str, ...]
    paths: tuple[str, ...]
    takes: tuple[str, ...]
    dialect: str
    end: str

    @property
    def takes_jwt(self) -> bool:
        """Whether it accepts an application's token."""
        return "jwt" in self.takes

    @property
    def takes_key_and_secret(self) -> bool:
        """Whether it accepts the API key and secret as HTTP Basic."""
        return "basic" in self.takes

    @property
    def refusal_status(self) -> int:
        """The status of its refusals: 401, or 403 for Vonage Video."""
        return 403 if self.dialect == "video" else 401

    @property
    def refuses_without_a_reason(self) -> bool:
        """Whether its refusals give no reason; the Users API, on the same hosts, gives one."""
        return self.dialect == "voice" and self.takes_jwt

    def objection(self, claims: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return the claim that a token for it lacks, or must not have, and why; or None."""
        if self.name == "Client SDK" and "sub" not in claims:
            return "sub", f"the {self.name} API wants the token of a user, one with sub"
        if "/oauth2/bc-authorize" in self.paths and "acl" in claims:
            return "acl", "a token for /oauth2/bc-authorize must not have an acl"
        return None

    @property
    def instead(self) -> str:
        """A clause that says what it accepts instead of a token."""
        accepted = "the API key and secret" if self.takes_key_and_secret else self.takes[0]
        return f"the {self.name} API accepts {accepted}"


#: The capability that an application has for a product, as the Application API names it.
CAPABILITIES = {
    "Voice": "voice",
    "Messages": "messages",
    "Dispatch": "messages",
    "Verify v2": "verify",
    "Video": "video",
    "Client SDK": "rtc",
    "Network authentication": "network_apis",
}

#: The paths that are answered without any authentication.
OPEN = re.compile(
    r"/(v1/calls|v2/calls|v1/redact|v3/media|v0\.1/dispatch)/ping"
    r"|/v2/verify/[^/]+/silent-auth/redirect"
)


def product_at(path: str, host: str | None = None) -> Product | None:
    """Return the product with the longest prefix of ``path`` at ``host``, or None if unknown.

    Without ``host``, as for a mock on this machine, a prefix of ``/`` does not count.
    """
    found = [
        (len(prefix), product)
        for product in PRODUCTS
        if host is None or any(host_matches(pattern, host) for pattern in product.hosts)
        for prefix in product.paths
        if _is_prefix(prefix, path.partition("?")[0]) and (host or prefix != "/")
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def product_of(url: str) -> Product | None:
    """Return the product that ``url`` belongs to, or None. On loopback only the path counts."""
    origin = origin_of(url)
    if origin is None:
        return None
    return product_at(urlsplit(url).path, None if origin.is_loopback else origin.host)


def refuses(status: int, url: str) -> bool:
    """Return whether an answer to ``url`` refuses the token: a 401, or a 403 of Vonage Video."""
    product = product_of(url)
    return status == 401 or (product is not None and status == product.refusal_status)


def _is_prefix(prefix: str, path: str) -> bool:
    pattern = re.escape(prefix.rstrip("/")).replace(r"\*", "[^/]*")
    return re.match(f"{pattern}/", f"{path}/") is not None


def _row(
    name: str, hosts: str, paths: str, takes: str, dialect: str = "gateway", end: str = ""
) -> Product:
    kinds = tuple(takes.split())
    if not set(kinds) <= {"jwt", "basic", "query", "body", "signature"}:
        kinds = (takes,)
    return Product(name, tuple(hosts.split()), tuple(paths.split()), kinds, dialect, end)


_EU = "api-eu.vonage.com"
_REST = "rest.nexmo.com"
_REGIONS = f"{API_HOST} api-*.nexmo.com" + "".join(
    f" api-{region}-{number}.vonage.com" for region in ("us", "eu", "ap") for number in (3, 4)
)
_VOICE = f"{_REGIONS} api-us.vonage.com api-eu.vonage.com api-ap.vonage.com"
_IN_A_CALL = " ".join(
    f"/v1/conversations/*/{what}" for what in ("record", "talk", "stream", "ncco")
)
_MESSAGES = f"{API_HOST} api-eu.nexmo.com api-us.nexmo.com api-ap.nexmo.com"
_SANDBOX = "messages-sandbox.nexmo.com"
_CONVERSATIONS = (
    "/v0.1/conversations /v0.2/conversations /v0.3/conversations /v1/conversations "
    "/beta/conversations /beta2/conversations"
)
_CLIENT_SDK = "/beta/legs " + " ".join(
    f"/{version}/{what}"
    for version in ("v0.1", "v0.3", "v1")
    for what in ("legs", "sessions", "knocking", "devices", "image", "push")
)
_INSIGHTS = "/identity-insights/v1/requests /v0.1/identity-insights"
_USERS = "/v0.1/users /v0.2/users /v0.3/users /v1/users /beta/users"
_TRANSFERS = "/accounts/*/balance-transfers /accounts/*/credit-transfers"
_NUMBERS_OF_SUBACCOUNTS = "/accounts/*/transfer-number"
_DROPPED = "ended; the Java SDK dropped it in 2025-04"
_OPENTOK = "its own token, in the header X-OPENTOK-AUTH"

#: The products. Without a host, the first of two with the same path is found.
PRODUCTS = (
    _row("Voice", _VOICE, "/v1/calls", "jwt", "voice"),
    _row("Voice v2", API_HOST, "/v2/calls", "jwt"),
    _row("Voice recordings", _REGIONS, "/v1/files", "jwt"),
    _row("Conversation", _REGIONS, _CONVERSATIONS, "jwt", "conversation"),
    _row("Voice in a conversation", API_HOST, _IN_A_CALL, "jwt", "voice"),
    _row("Users", _REGIONS, _USERS, "jwt", "conversation"),
    _row("Client SDK", _REGIONS, _CLIENT_SDK, "jwt", "conversation"),
    _row("Messages", _MESSAGES, "/v1/messages", "jwt basic", "messages"),
    _row("Messages v0.1", API_HOST, "/v0.1/messages", "jwt basic", "messages"),
    _row("Messages sandbox", _SANDBOX, "/v0.1/messages /v1/messages", "jwt basic", "messages"),
    _row("Dispatch", API_HOST, "/v0.1/dispatch", "jwt basic", "messages"),
    _row("Verify v2", API_HOST, "/v2/verify", "jwt basic", "verify"),
    _row("Video", "video.api.vonage.com", "/session/create /v2/project", "jwt", "video"),
    _row("Identity Insights", f"{_EU} api-us.vonage.com", _INSIGHTS, "jwt"),
    _row("Quality on Demand", _EU, "/qod/v0.1/sessions", "jwt"),
    _row("Network Enablement", _EU, "/v0.1/network-enablement", "jwt"),
    _row("Location retrieval", _EU, "/network-location/v0.1/retrieval", "jwt"),
    _row("Network authentication", f"{_EU} {API_HOST}", "/oauth2/bc-authorize", "jwt"),
    _row("Network authentication", f"{_EU} {API_HOST} api-eu-3.vonage.com", "/oauth2/token", "jwt"),
    _row("Meetings", _EU, "/v1/meetings /meetings /beta/meetings", "jwt", end="ended 2025-06-30"),
    _row("Proactive Connect", _EU, "/v0.1/bulk", "jwt", end=_DROPPED),
    _row("Media", API_HOST, "/v3/media", "jwt basic", "media"),
    _row("Media", "api-us.nexmo.com api-eu.nexmo.com", "/v3/media", "jwt query", "media"),
    _row("External accounts", API_HOST, "/beta/chatapp-accounts", "jwt basic", "messages"),
    _row("WhatsApp provisioning", API_HOST, "/v0.1/whatsapp-manager", "jwt basic"),
    _row("10DLC", f"{_EU} {API_HOST}", "/v1/10dlc", "basic jwt"),
    _row("Channel manager", API_HOST, "/v2/whatsapp-manager /v1/channel-manager", "basic"),
    _row("Application v1", API_HOST, "/v1/applications", "basic query"),
    _row("Application", API_HOST, "/v2/applications", "basic"),
    _row("Account secrets", API_HOST, "/accounts/*/secrets", "basic", "account"),
    _row("Subaccounts", API_HOST, "/accounts/*/subaccounts", "basic", "account"),
    _row("Subaccounts", API_HOST, f"{_TRANSFERS} {_NUMBERS_OF_SUBACCOUNTS}", "basic", "account"),
    _row("Reports", API_HOST, "/v2/reports", "basic"),
    _row("Redact", API_HOST, "/v1/redact", "basic", "voice"),
    _row("Audit", API_HOST, "/beta/audit", "basic", "audit"),
    _row("TFN Registration", API_HOST, "/tfn/v1/registrations", "basic"),
    _row("Number Pools", API_HOST, "/v2/numberpools/accounts", "basic"),
    _row("Pricing v2", API_HOST, "/v2/account/pricing", "basic"),
    _row("Network registry", API_HOST, "/v1/network-registry /v0.1/network-api", "basic"),
    _row("Verify v1", API_HOST, "/verify", "query body basic", end="is being sunset"),
    _row("Number Insight", API_HOST, "/ni", "basic query", end="ends 2027-02-04"),
    _row("Number Insight v2", API_HOST, "/v2/ni", "basic", end=_DROPPED),
    _row("Conversion", API_HOST, "/conversions", "basic query signature"),
    _row("Programmable SIP", API_HOST, "/v1/psip", "basic"),
    _row("Emergency calling", API_HOST, "/v1/addresses /v1/emergency", "basic"),
    _row("SMS", _REST, "/sms/json /sms/xml", "body basic signature", "rest"),
    _row("Account and Pricing", _REST, "/account", "query basic", "rest"),
    _row("Numbers", _REST, "/number /account/numbers", "query basic", "rest"),
    _row("Message search", _REST, "/search", "query basic", "rest"),
    _row("US short codes", _REST, "/sc/us", "query body basic", "rest"),
    _row("rest.nexmo.com", _REST, "/", "query body basic", "rest"),
    _row("OpenTok", "api.opentok.com", "/v2/project /session/create", _OPENTOK),
    _row("Network (CAMARA)", _EU, "/camara", "the access token that /oauth2/token returns"),
    _row(
        "Number verification", "oidc.idp.vonage.com", "/oauth2/auth", "no token: it is for browsers"
    ),
    _row("VBC", "api.vonage.com", "/t/vbc.prod", "the OAuth2 token of one of its users"),
    _row("Contact Center", "*.cc.vonage.com *.newvoicemedia.com", "/", "its own token"),
    _row("AI Studio", "studio-api-*.ai.vonage.com", "/", "a key in the header X-Vgai-Key"),
)
