"""HTTPie's plugin: ``http --auth-type=nexmo-jwt -a APPLICATION_ID:KEY_PATH URL``."""

# HTTPie imports each installed plugin at every start, whatever --auth-type says: nothing but
# its own base class may be imported here.
from httpie.plugins import AuthPlugin


class NexmoJWTPlugin(AuthPlugin):  # type: ignore[misc]  # httpie has no types
    """Reads ``-a`` and hands it to ``requests_nexmo_jwt.NexmoJWT``."""

    name = "Nexmo (Vonage) JWT"
    auth_type = "nexmo-jwt"
    description = (
        "Without -a, credentials are found in the environment or the Vonage CLI's files. Or give "
        "-a APPLICATION_ID:KEY_PATH, with options after a '?': "
        "-a 'APPLICATION_ID:private.key?ttl=60&sub=alice&acl=/*/calls/**' "
        "(ttl in seconds; acl may be repeated; host=http://localhost:4010 and the like "
        "names a host that may receive a token, instead of Vonage's)"
    )
    auth_require = False
    auth_parse = False
    netrc_parse = False
    prompt_password = False
    raw_auth: "str | None" = None

    def get_auth(self, username: object = None, password: object = None) -> object:
        """Return the ``NexmoJWT`` for ``-a``, or end with a line on stderr."""
        import sys

        _make_importable()
        try:
            from requests_nexmo_jwt.errors import NexmoJWTError
            from requests_nexmo_jwt.redaction import escaped

            from . import invocation, raw_auth
        except ImportError as error:
            message = f"it is incompletely installed: {error}. Install requests-nexmo-jwt again."
        except NexmoJWTError as error:  # another module is named jwt
            message = str(error)
        else:
            invocation.show_warnings()
            value = None
            try:
                value = raw_auth.read(self.raw_auth)
                invocation.check_scope(value.arguments.get("hosts"))
                auth = raw_auth.auth_for(value, may_ask=not invocation.ignores_stdin())
                # A session stores this, and may be used from another folder.
                self.raw_auth = None if self.raw_auth is None else str(value)
                return auth
            except NexmoJWTError as error:
                is_stored = invocation.is_in_a_session()
                source = "in the session: " if is_stored else "-a: "
                message = source if not value or value.is_wrong(error) else ""
                words = raw_auth.wording(self.auth_type, is_stored)
                message = escaped(message + words.sentence(error))
            except Exception as error:  # its text is redacted: it may contain anything
                message = f"it failed with {type(error).__name__}; please report this."
        # HTTPie calls get_auth outside of its error handling: an exception would be a traceback.
        sys.stderr.write(f"http: error: nexmo-jwt: {message}\n")
        raise SystemExit(1)


class NexmoJWTAutoPlugin(NexmoJWTPlugin):
    """``nexmo-jwt`` for the hosts that may receive a token; HTTPie as without us for all others.

    It is for HTTPie's ``default_options``, so it is asked at each start of ``http``.
    """

    name = "Nexmo (Vonage) JWT, for Vonage's hosts only"
    auth_type = "nexmo-jwt-auto"
    description = (
        "For default_options: signs requests to Vonage's hosts, with the credentials that are "
        "found, and leaves all others alone"
    )

    def get_auth(self, username: object = None, password: object = None) -> object:
        """Return the ``NexmoJWT``, or what HTTPie would use without this plugin."""
        from httpie.cli.definition import parser

        args = parser.args
        if self._may_be_ours(args.url):
            _make_importable()
            try:
                from . import elsewhere, invocation
            except ImportError:
                return super().get_auth()  # which says what is missing
            is_silent = self.raw_auth is None
            has_others = is_silent and invocation.has_other_credentials(self.auth_type)
            if not has_others and not elsewhere.is_elsewhere(args.url, self.raw_auth):
                return super().get_auth()
        if args.auth_plugin is not self:
            return None  # a session asks, for a host that is not in scope any more
        # As if no --auth-type had been given: -a, the URL, netrc and a session count again.
        args.auth, args.auth_type = self.raw_auth, None
        parser._process_auth()
        return args.auth

    def _may_be_ours(self, url: str) -> bool:
        """Return whether to look closer, which costs an import."""
        import os

        text, typed = url.lower(), self.raw_auth or ""
        # Options alone, or so long that it may be an id and a path, or a key.
        is_typed = typed.startswith("?") or len(typed) > 36
        variables = {"NEXMO_JWT_HOSTS", "NEXMO_JWT_ENDPOINT"}
        is_named = is_typed or not variables.isdisjoint(os.environ)
        return is_named or "nexmo.com" in text or "vonage.com" in text


def _make_importable() -> None:
    """Make this package importable, and what was installed with it before what the system has.

    HTTPie takes its plugin folder off ``sys.path`` once its plugins are loaded, and Debian's Python
    has releases of PyJWT and cryptography that are too old for us.
    """
    import os
    import sys

    site_folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if site_folder not in sys.path:
        sys.path.insert(0, site_folder)
