"""What is known of Vonage's service, with sources in ``docs/vonage.md``.

Here is what each signed request needs; ``products`` and ``dialects`` have the rest.
"""

#: The host of Voice, Messages, Verify v2, Applications and most other APIs.
API_HOST = "api.nexmo.com"

#: The hosts that take an application's token. Not all of ``*.vonage.com``: customers' own code runs
#: under ``*.serverless.vonage.com``.
API_HOSTS = (
    API_HOST,
    "api-*.nexmo.com",
    "api-*.vonage.com",
    "video.api.vonage.com",
    "messages-sandbox.nexmo.com",
)

#: The statuses with which a token may have been refused.
REFUSALS = (401, 403)
