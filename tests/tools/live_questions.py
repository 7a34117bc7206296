"""What `make live` asks Vonage, and how much of an answer may leave the machine.

A question is a token, good or broken in one way, and the products that it is sent to. An answer is
written with the server's words for the refusal and nothing of the account: a field is kept only
where its name says that it holds such words, and even there ids, tokens, numbers, addresses and
quoted text are replaced by placeholders.
"""

from __future__ import annotations

import ipaddress
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from requests_nexmo_jwt.redaction import escaped
from requests_nexmo_jwt.token.claims import ClaimsSet


class Product(NamedTuple):
    """A product and the GET request that is sent to it."""

    name: str
    path: str


VOICE = Product("Voice", "/v1/calls?page_size=1")
USERS = Product("Users", "/v1/users?page_size=1")
MESSAGES = Product("Messages", "/v1/messages")  # has no documented GET: at best 404 or 405

Claims = dict[str, Any]


class Question(NamedTuple):
    """One question: how its token differs from a good one, and who is asked.

    ``change`` returns claims for the server's time; None removes a claim. With ``other_key`` a key
    that Vonage has never seen signs. With ``again`` the product's first token is sent once more.
    """

    text: str
    change: Callable[[int], Claims] = lambda now: {}
    products: tuple[Product, ...] = (VOICE, USERS)
    other_key: bool = False
    again: bool = False
    is_about_iat: bool = False


UNKNOWN_APPLICATION = str(uuid.uuid4())
_NARROW = {"paths": {"/*/conversations/**": {"methods": ["GET"], "filters": {}}}}
_STAR = {"paths": {"/*/users/**": {}}}
_VERSION = {"paths": {"/v1/users/**": {}}}
_EVERYWHERE = (VOICE, USERS, MESSAGES)
_HOUR = 3600


def _iat_ahead(seconds: int, products: tuple[Product, ...] = (VOICE, USERS)) -> Question:
    def change(now: int) -> Claims:
        return {"iat": now + seconds, "exp": now + seconds + 900}

    return Question(f"iat {seconds} s ahead", change, products, is_about_iat=True)


#: The good token comes first: without it, no other answer can be interpreted.
QUESTIONS = (
    Question("a good token", products=_EVERYWHERE),
    Question("the same token again", products=(VOICE,), again=True),
    _iat_ahead(2),
    _iat_ahead(30, (USERS,)),
    _iat_ahead(120),
    Question("exp 25 h after iat", lambda now: {"exp": now + 25 * _HOUR}, products=(VOICE,)),
    Question("exp 10 s after iat", lambda now: {"exp": now + 10}, products=(VOICE,)),
    Question(
        "iat and exp as strings",
        lambda now: {"iat": str(now), "exp": str(now + 900)},
        products=(VOICE,),
    ),
    Question("iat left out, exp present", lambda now: {"iat": None}, products=(VOICE,)),
    Question(
        "iat and exp in milliseconds",
        lambda now: {"iat": now * 1000, "exp": (now + 900) * 1000},
        products=(VOICE,),
    ),
    Question(
        "expired an hour ago",
        lambda now: {"iat": now - 2 * _HOUR, "exp": now - _HOUR},
        products=(USERS,),
    ),
    Question("nbf an hour ahead", lambda now: {"nbf": now + _HOUR}, products=(USERS,)),
    Question("nbf equal to iat", lambda now: {"nbf": now}, products=(VOICE,)),
    Question("nbf in milliseconds", lambda now: {"nbf": now * 1000}, products=(USERS,)),
    Question("a claim of no API", lambda now: {"made_up": "x"}, products=(VOICE,)),
    Question("signed with another key", products=_EVERYWHERE, other_key=True),
    Question(
        "an unknown application id",
        lambda now: {"application_id": UNKNOWN_APPLICATION},
        products=_EVERYWHERE,
    ),
    Question("an acl with /v1 in place of /*", lambda now: {"acl": _VERSION}, products=(USERS,)),
    Question("an acl as JSON text", lambda now: {"acl": json.dumps(_STAR)}, products=(USERS,)),
    Question("an acl without this path", lambda now: {"acl": _NARROW}, products=_EVERYWHERE),
)


def steps() -> Iterator[tuple[Question, Product]]:
    """Yield each request that is made, in order."""
    for question in QUESTIONS:
        for product in question.products:
            yield question, product


class Tokens:
    """Makes the token of each question with PyJWT, and tells ``redactor`` what to hide of it."""

    def __init__(self, application_id: str, key: RSAPrivateKey, redactor: Redactor) -> None:
        self._claims = ClaimsSet(application_id)  # raises for what cannot be an application id
        self._key, self._other_key = key, generate_private_key(65537, 2048)
        self._redactor = redactor
        self._first: dict[Product, tuple[str, Claims]] = {}
        for value, name in ((application_id, ""), (UNKNOWN_APPLICATION, "unknown ")):
            redactor.hide(value, f"<{name}application id>")
            redactor.hide(value.replace("-", ""), f"<{name}application id>")

    def make(self, question: Question, product: Product, now: int) -> tuple[str, Claims]:
        """Return the token to send, and its claims."""
        if question.again:
            return self._first[product]
        claims = {**self._claims.at(now), **question.change(now)}
        claims = {name: value for name, value in claims.items() if value is not None}
        key = self._other_key if question.other_key else self._key
        token = jwt.encode(claims, key, algorithm="RS256")
        self._redactor.hide(claims["jti"], "<jti>")
        for part in (token, *token.split(".")):
            self._redactor.hide(part, "<token>")
        self._first.setdefault(product, (token, claims))
        return token, claims


_MAX_READ = 2000
_MAX_TEXT = 300

# What identifies an account, a person or a request, wherever it stands. The order matters.
_PATTERNS = (
    (re.compile(r"eyJ[\w-]+(\.[\w-]*)*", re.ASCII), "<token>"),
    (re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+"), "<email>"),
    (re.compile(r"(\b[A-Z]{2,4}-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I), "<UUID>"),
    (re.compile(r"\d{1,3}(\.\d{1,3}){3}"), "<IP address>"),
    (re.compile(r"\+?\d[\d ()./-]{5,}\d"), "<number>"),
    # Opaque words, such as an API key or a trace id: long ones, and short ones with a digit.
    (re.compile(r"(?=[A-Za-z_-]*\d)[\w+-]{24,}", re.ASCII), "<redacted>"),
    (re.compile(r"(?=[A-Za-z]*\d)[A-Za-z0-9]{7,}"), "<redacted>"),
    (re.compile(r"[\w+/=-]{40,}", re.ASCII), "<redacted>"),
)
_MAYBE_IPV6 = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:]*")
_QUOTED = re.compile(r"(?<!\w)(['\"`])(.+?)\1", re.DOTALL)
_PLAIN_QUOTE = re.compile(r"<[\w ]+>|Authorization|Bearer|iat|exp|nbf|jti|acl|sub|application_id")
_PARTIAL_WORD = re.compile(r"[^\s\"',;:]*\Z")


class Redactor:
    """Replaces what belongs to the person, the account or the request by placeholders."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def hide(self, value: str, placeholder: str) -> None:
        """Replace ``value``, in whatever case, from now on; very short ones are words."""
        if len(value) >= 6:
            self._known.setdefault(value.lower(), placeholder)

    def __call__(self, text: str, *, quoted: bool = True) -> str:
        """Return the beginning of ``text`` redacted.

        With ``quoted``, what it quotes is redacted as well: it may be a name.
        """
        if len(text) > _MAX_READ:
            text = _PARTIAL_WORD.sub("", text[:_MAX_READ])  # half an id is not recognized
        lowered = text.lower()
        for value in sorted(filter(lowered.__contains__, self._known), key=len, reverse=True):
            text = re.sub(re.escape(value), self._known[value], text, flags=re.IGNORECASE)
        for pattern, placeholder in _PATTERNS:
            text = pattern.sub(placeholder, text)
        text = _MAYBE_IPV6.sub(_without_ipv6, text)
        text = _QUOTED.sub(_without_quoted, text) if quoted else text
        return escaped(text)[:_MAX_TEXT]

    def leaks_into(self, text: str) -> bool:
        """Tell whether ``text`` holds a known value all the same; those without a digit are words.

        The last check before a file is written.
        """
        lowered = text.lower()
        return any(value in lowered for value in self._known if re.search(r"\d", value))


def _without_ipv6(match: re.Match[str]) -> str:
    try:
        ipaddress.IPv6Address(match[0])
    except ValueError:
        return match[0]
    return "<IP address>"


def _without_quoted(match: re.Match[str]) -> str:
    quote, quoted = match.groups()
    return match[0] if _PLAIN_QUOTE.fullmatch(quoted) else f"{quote}<quoted>{quote}"


# Fields of a refusal whose text is the server's own. Of others, only name and type are written.
_WORDED = {
    *("type", "title", "detail", "code", "status", "error", "message", "description", "reason"),
    *("error_title", "error-code", "error-code-label", "error_code", "errors"),
    "invalid_parameters",
}
_TRACE_FIELDS = ("instance", "instance_id")
_SHOWN_HEADERS = ("content-type", "www-authenticate")
_TAG = re.compile(r"<[^<>]*>")  # of a gateway's HTML page, which has few words
_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
_MAX_FIELDS = 40
_MAX_DEPTH = 3
_MAX_PLAIN_TEXT = 200


def fields_of(body: bytes) -> Claims | None:
    """Return the fields of a JSON object, None for any other body."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def written_body(status: int, body: bytes, redact: Redactor) -> str:
    """Return what may be written of a body; of a 2xx, which is the user's data, the names."""
    fields = fields_of(body)
    if not body.strip():
        return ""
    if fields is None:
        text = " ".join(_TAG.sub(" ", body.decode("utf-8", "replace")).split())
        is_short = status >= 300 and len(text) <= _MAX_PLAIN_TEXT
        return f"{redact(text) if is_short else ''} … ({len(body)} bytes, not a JSON object)"
    if status < 300:
        names = (json.dumps(redact(name)[:60]) for name in list(fields)[:_MAX_FIELDS])
        return f"{{{', '.join(f'{name}: …' for name in names)}}}"
    return json.dumps(_without_account(fields, redact), ensure_ascii=False)


def _without_account(fields: Mapping[str, Any], redact: Redactor, depth: int = 0) -> Claims:
    kept: Claims = {}
    for name, value in list(fields.items())[:_MAX_FIELDS]:
        if name in _TRACE_FIELDS:
            kept[name] = "<trace id>"
        elif name in _WORDED:
            kept[name] = _worded(value, redact, depth)
        else:
            kept[redact(name)[:60]] = f"<{_kind(value)}>"
    return kept


def _worded(value: Any, redact: Redactor, depth: int) -> Any:
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) < 1000):
        return value  # a status
    if isinstance(value, dict) and depth < _MAX_DEPTH:
        return _without_account(value, redact, depth + 1)
    if isinstance(value, list) and depth < _MAX_DEPTH:
        return [_worded(item, redact, depth + 1) for item in value[:5]]
    return f"<{_kind(value)}>"


def _kind(value: Any) -> str:
    kinds = {str: "string", dict: "object", list: "list", bool: "boolean", type(None): "null"}
    return kinds.get(type(value), "number")


def written_headers(headers: Mapping[str, str], body: bytes, redact: Redactor) -> dict[str, str]:
    """Return the names of the headers, with the values that say something about the service."""
    written = {}
    for name, value in headers.items():
        name = redact(name.lower())[:60]
        written[name] = "<present>"
        if name in _SHOWN_HEADERS:  # the words of a challenge are quoted
            written[name] = redact(value, quoted=False)
        elif name == "date":
            written[name] = value if _HTTP_DATE.fullmatch(value) else "<not an HTTP date>"
        elif name == "x-nexmo-trace-id":
            fields = fields_of(body) or {}
            named = next((fields[field] for field in _TRACE_FIELDS if field in fields), None)
            if named is not None:
                same = "same as" if named == value else "different from"
                written[name] = f"<{same} instance>"
    return written


class Answer(NamedTuple):
    """What one question was answered, redacted."""

    question: str
    product: Product
    status: int
    code: str
    words: str
    headers: dict[str, str]
    body: str

    def as_row(self) -> str:
        """Return the line of the table."""
        words = self.words if len(self.words) <= 60 else f"{self.words[:57]}..."
        return row(self.question, self.product.name, str(self.status), self.code, words)

    def as_entry(self, host: str, grade: str) -> dict[str, object]:
        """Return the entry of the file, in the form of the recorded answers of this project."""
        return {
            "source": "make live",
            "grade": grade,
            "endpoint": f"{host} {self.product.path.partition('?')[0]}",
            "status": self.status,
            "headers": self.headers,
            "body": self.body,
            "cause": self.question,
        }


def row(*cells: str) -> str:
    question, product, status, code, words = cells
    return f"{question:40} {product:9} {status:6} {code:8} {words}".rstrip()
