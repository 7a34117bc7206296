"""What is passed as an application's id and as its key, if something else was meant."""

from pathlib import Path

import pytest
from conftest import APPLICATION_ID

from requests_nexmo_jwt import NexmoJWT, NexmoJWTError

API_SECRET = "s3cr3tApiSecret1"

# An id and a key, and the error. ``{key}`` is the path of a key file.
MIXED_UP = [
    (
        "abcd1234",
        API_SECRET,
        "like an API secret .redacted., and the id beside it like an API key",
    ),
    ("abcd1234", "/nowhere/privatekey", "/nowhere/privatekey'.* does not exist"),
    ("{key}", APPLICATION_ID, "were swapped"),
    *((APPLICATION_ID, text, "quotes or blanks") for text in ('"{key}"', "'{key}'", " {key}")),
    (APPLICATION_ID, "{key}\n", "quotes or blanks"),
]


@pytest.mark.parametrize(("application_id", "key", "words"), MIXED_UP)
def test_what_was_mixed_up_is_reported(
    application_id: str, key: str, words: str, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = (application_id.format(key=key_file), key.format(key=key_file))
    monkeypatch.setenv("VONAGE_APPLICATION_ID", given[0])
    monkeypatch.setenv("VONAGE_PRIVATE_KEY", given[1])
    for arguments in [given, ()] if key == API_SECRET else [given]:  # (): from the environment
        with pytest.raises(NexmoJWTError, match=words) as caught:
            NexmoJWT(*arguments)
        assert API_SECRET not in str(caught.value)
