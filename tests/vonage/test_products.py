"""Which product a URL belongs to, and whether that takes a token."""

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from conftest import REPOSITORY

from requests_nexmo_jwt.vonage.products import PRODUCTS, Product, product_at, product_of, refuses

# URLs, the product's name, and whether it takes a token of an application.
URLS = [
    ("https://api.nexmo.com/v1/calls", "Voice", True),
    ("https://api.nexmo.com/v1/calls/63f6?x=/v2/verify", "Voice", True),
    ("https://api-us-1.nexmo.com/v1/calls", "Voice", True),
    ("https://api-eu-3.vonage.com/v1/calls", "Voice", True),
    ("https://api-eu-5.vonage.com/v1/calls", None, None),
    ("https://api-ap.vonage.com/v1/calls", "Voice", True),
    ("https://api-us-3.vonage.com/v1/users", "Users", True),
    ("https://api-us-3.vonage.com/v1/files/x", "Voice recordings", True),
    ("https://api-us.nexmo.com/v3/media/x", "Media", True),
    ("https://api.nexmo.com/v1/conversations/CON-1/record", "Voice in a conversation", True),
    ("https://api.nexmo.com/v1/conversations/CON-1/members", "Conversation", True),
    ("https://api-eu.vonage.com/qod/v0.1/sessions", "Quality on Demand", True),
    ("https://api.nexmo.com/tfn/v1/registrations", "TFN Registration", False),
    ("https://api.nexmo.com/v2/numberpools/accounts/x", "Number Pools", False),
    ("https://api.nexmo.com/v2/account/pricing", "Pricing v2", False),
    ("https://api-us.vonage.com/v1/neru/i/x", None, None),
    ("https://api.nexmo.com/v1/callsx", None, None),
    ("https://api.nexmo.com/v1", None, None),
    ("https://api.nexmo.com/", None, None),
    ("https://api.nexmo.com", None, None),
    ("https://api.nexmo.com/v1/users?page_size=1", "Users", True),
    ("https://api.nexmo.com/v0.3/conversations/CON-1", "Conversation", True),
    ("https://api.nexmo.com/v1/sessions", "Client SDK", True),
    ("https://api.nexmo.com/v2/verify/", "Verify v2", True),
    ("https://api.nexmo.com/verify/json", "Verify v1", False),
    ("https://video.api.vonage.com/v2/project/x/archive", "Video", True),
    ("https://api.nexmo.com/v2/applications/x", "Application", False),
    ("https://api.nexmo.com/accounts/abcd1234/secrets/1", "Account secrets", False),
    ("https://api.nexmo.com/accounts/abcd1234", None, None),
    ("https://api.nexmo.com/accounts/secrets", None, None),
    ("https://api-eu.vonage.com/oauth2/token", "Network authentication", True),
    ("https://rest.nexmo.com/sms/json", "SMS", False),
    ("https://rest.nexmo.com/account/get-balance", "Account and Pricing", False),
    ("https://rest.nexmo.com/anything", "rest.nexmo.com", False),
    ("https://api.vonage.com/x", None, None),
    # Weak sources stay out.
    ("https://api.nexmo.com/v2/pools", None, None),
    ("https://api.nexmo.com/v0.1/athena", None, None),
    # On this machine, the path alone decides; a whole host does not.
    ("http://127.0.0.1:4010/v1/calls", "Voice", True),
    ("https://localhost/v2/project/x", "Video", True),
    ("http://[::1]/sms/json", "SMS", False),
    ("http://localhost:4010/anything", None, None),
    # Elsewhere the host has to be right, too.
    ("https://example.com/v1/calls", None, None),
    ("https://api.nexmo.com.example.com/v1/calls", None, None),
    ("no URL", None, None),
    ("https://user@api.nexmo.com/v1/calls", None, None),
]


@pytest.mark.parametrize(("url", "name", "takes_jwt"), URLS, ids=[row[0] for row in URLS])
def test_the_product_of_a_url_is_known(url: str, name: str | None, takes_jwt: bool | None) -> None:
    product = product_of(url)
    assert (product and product.name) == name
    assert (product and product.takes_jwt) == takes_jwt


# ---- The table in code and the one in docs/vonage.md -------------------------------------------

# A product that is neither JWT nor the API key and secret: our words for it, and the page's.
OTHER_WORDS = {
    "its own token, in the header X-OPENTOK-AUTH": "`X-OPENTOK-AUTH` (HS256)",
    "the access token that /oauth2/token returns": "the access token that `/oauth2/token` returned",
    "no token: it is for browsers": "none (browser)",
    "the OAuth2 token of one of its users": "OAuth2 bearer token of a VBC user",
    "its own token": "OIDC bearer token",
    "a key in the header X-Vgai-Key": "header `X-Vgai-Key`",
}
# A name of ours that is not among the words of the page's name.
OTHER_NAMES = {"VBC": "Vonage Business Communications", "Network (CAMARA)": "Number verification"}
# What is wider in code than on the page: there, the parts that are known of it.
WIDER = {
    ("api.nexmo.com", "/ni"),
    ("api-eu.vonage.com", "/camara"),
    ("studio-api-*.ai.vonage.com", "/"),
    ("rest.nexmo.com", "/"),
}


class Row(NamedTuple):
    name: str
    hosts: list[str]
    paths: list[str]
    takes: str
    notes: str


def expanded(text: str) -> list[str]:
    """Return the texts that ``a{b,c}d`` stands for."""
    before, brace, rest = text.partition("{")
    if not brace:
        return [text]
    choices, _, after = rest.partition("}")
    return [before + choice + end for choice in choices.split(",") for end in expanded(after)]


def in_backticks(cell: str) -> list[str]:
    return [part for text in re.findall(r"`(.+?)`", cell) for part in expanded(text)]


def rows_of_the_page() -> Iterator[Row]:
    page = (REPOSITORY / "docs" / "vonage.md").read_text("utf-8")
    section = re.search(r"\n## Who accepts a token\n(.*?)\n## ", page, re.DOTALL)[1]
    for line in re.findall(r"^\| (.+) \|$", section, re.MULTILINE):
        name, hosts, paths, takes, notes, _ = line.split(" | ")
        if name != "product":
            yield Row(name, in_backticks(hosts), in_backticks(paths), takes, notes)


PAGE = list(rows_of_the_page())


@pytest.mark.parametrize("row", PAGE, ids=[row.name for row in PAGE])
def test_each_row_of_the_page_is_in_the_code(row: Row) -> None:
    assert row.hosts
    assert row.paths
    for host, path in itertools.product(row.hosts, row.paths):
        product = product_at(path.replace("*", "abcd1234"), host.replace("*", "x"))
        words = set(re.findall(r"[\w.]+", OTHER_NAMES.get(product.name, product.name).lower()))
        assert words - {"and"} <= set(re.findall(r"[\w.]+", row.name.lower()))
        takes = OTHER_WORDS.get(product.takes[0], ", ".join(product.takes))
        assert takes.lower() == row.takes.lower()
        assert (product.refusal_status == 403) == ("refuses with 403" in row.notes)
        assert row.notes.startswith(product.end or ("current", "beta", "legacy", "deprecated"))


@pytest.mark.parametrize("product", PRODUCTS, ids=[product.name for product in PRODUCTS])
def test_each_row_of_the_code_is_on_the_page(product: Product) -> None:
    on_the_page = {pair for row in PAGE for pair in itertools.product(row.hosts, row.paths)}
    for host, path in itertools.product(product.hosts, product.paths):
        assert ((host, path) in on_the_page) != ((host, path) in WIDER)
        assert product_at(path.replace("*", "abcd1234"), host.replace("*", "eu")) == product
    assert product.takes_jwt or product.instead.startswith(f"the {product.name} API accepts ")


@pytest.mark.parametrize(
    ("url", "status", "is_refusal"),
    [
        ("https://api.nexmo.com/v1/calls", 401, True),
        ("https://api.nexmo.com/v1/calls", 403, False),
        ("https://video.api.vonage.com/v2/project/x", 403, True),
        ("https://video.api.vonage.com/v2/project/x", 401, True),
        ("http://localhost:4010/v2/project/x", 403, True),
        ("https://api.nexmo.com/unknown", 401, True),
        ("https://api.nexmo.com/unknown", 403, False),
        ("https://api.nexmo.com/v1/calls", 404, False),
    ],
)
def test_video_refuses_with_403_the_others_with_401(
    url: str, status: int, is_refusal: bool
) -> None:
    assert refuses(status, url) is is_refusal
