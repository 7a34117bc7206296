"""Facts about Vonage's service, with sources in ``docs/vonage.md``.

This module has those that every signed request needs, ``products`` and ``dialects`` the others.
"""

#: The host of Voice, Messages, Verify v2, Applications and most other APIs.
API_HOST = "api.nexmo.com"

#: What the names of Vonage's hosts end with, those that accept no token included.
DOMAINS = (".nexmo.com", ".vonage.com")

#: The hosts that accept an application's token. ``*.vonage.com`` would be too wide: customers' own
#: code runs under ``*.serverless.vonage.com``.
API_HOSTS = (
    API_HOST,
    "api-*.nexmo.com",
    "api-*.vonage.com",
    "video.api.vonage.com",
    "messages-sandbox.nexmo.com",
)

#: The statuses that may mean a refused token.
REFUSALS = (401, 403)
