"""Why a URL may not receive a token, and what to do. It is imported only if one is refused."""

from __future__ import annotations

import re
from difflib import get_close_matches
from urllib.parse import urlsplit

from ..errors import ScopeError
from ..redaction import quoted
from ..url import Origin, host_part, is_websocket, scheme_of
from ..vonage import API_HOSTS, DOMAINS
from ..vonage.products import product_at
from . import CARRYING, ENDPOINT_VARIABLE, HOSTS_VARIABLE, Hosts


def out_of_scope(hosts: Hosts, origin: Origin, url: str) -> ScopeError:
    """Return the error for a URL whose origin ``hosts`` does not include."""
    product = product_at(urlsplit(url).path, origin.host)
    is_vonages = f".{origin.host}".endswith(DOMAINS)
    # What the remedy allows: never clear text to Vonage.
    is_clear = is_vonages and origin.scheme == "http"
    allowed = Origin("https", origin.host, 443) if is_clear else origin
    subject, code = str(origin), "scope"
    if product and not product.takes_jwt:
        in_tls = ", over https://" if origin.scheme == "http" else ""
        problem = f"does not accept a token: {product.instead}{in_tls}"
        remedy = "Send the request without this token."
        if product.takes_key_and_secret:
            remedy, code = "Pass auth=(KEY, SECRET) instead.", "takes-basic"
    elif is_websocket(url) and hosts.want_tls(origin):
        subject, problem = quoted(host_part(url)), "would send the token in clear text"
        remedy = "Write wss:// instead of ws://."
    elif hosts.want_tls(origin) and not origin.is_loopback:
        problem, code = "would send the token in clear text", "clear-text"
        remedy = "Write https:// instead of http://."
    elif hosts.endpoint and not hosts.include(origin, ""):
        problem = f"may not receive a token: {hosts.named_by} allows only {hosts.endpoint}"
        remedy = f"Request one of Vonage's API hosts, or unset {ENDPOINT_VARIABLE}."
        code = "endpoint"
    elif hosts.named_by == HOSTS_VARIABLE:
        listed = ", ".join(map(str, hosts.entries))
        problem = f"may not receive a token: {HOSTS_VARIABLE} names only {listed}"
        remedy, code = f"Unset {HOSTS_VARIABLE}, or add {allowed} to it.", "hosts-variable"
    else:
        whose = "the configured hosts" if hosts.are_named else "Vonage's API origins"
        problem, code = f"is not one of {whose}, so it may not receive a token", "not-in-scope"
        if hosts.include(origin, ""):
            problem = (
                "runs the code of Vonage's customers below /v1/neru, which may not receive a token"
            )
        meant = get_close_matches(origin.host, API_HOSTS, cutoff=0.9)
        if meant and not (hosts.are_named or is_vonages):
            return ScopeError(subject, problem, f"Perhaps {meant[0]} is meant.", host=origin.host)
        remedy = f'To allow it, pass hosts=["{allowed}"]. '
        remedy += 'To send requests to other hosts without a token, pass elsewhere="unsigned".'
    return ScopeError(subject, problem, remedy, code, host=origin.host, allowed=allowed)


def proxied(origin: Origin) -> ScopeError:
    """Return the error for an origin that a proxy of the environment would stand before."""
    variables, sees = "HTTPS_PROXY, ALL_PROXY", "leads away from this machine"
    if origin.scheme == "http":
        variables, sees = "HTTP_PROXY, ALL_PROXY", "would see the token in clear text"
    problem = f"would go through the proxy that the environment names ({variables}), which {sees}"
    remedy = f"Add the host to NO_PROXY: NO_PROXY={origin.host}."
    return ScopeError(str(origin), problem, remedy, host=origin.host)


def unreadable(url: str) -> ScopeError:
    """Return the error for a URL that has no origin."""
    scheme = scheme_of(url)
    has_host = re.match(r"(https?|wss?):/?/?[^/?#]", url, re.IGNORECASE)
    problem = "is refused: its host is ambiguous" if has_host else "is not a whole URL"
    if has_host and "@" in re.split("[/?#]", url.partition("//")[2])[0]:
        problem = "is refused: it has a user name, or a host that looks like one"
    if scheme not in CARRYING:
        problem = f"cannot carry a token: {quoted(scheme)} is not http or https"
    # What stands before an "@" may be a password, and a query may have a secret.
    may_hold_password = has_host or "@" in url or re.match("[^/]*:[^/]", url)
    typed = host_part(url) if may_hold_password else re.split("[?#]", url)[0]
    remedy = "Write https:// and a plain host name, without a user name."
    return ScopeError(quoted(typed), problem, remedy)
