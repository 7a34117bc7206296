"""HTTPie's plugin: ``http --auth-type=nexmo-jwt -a APPLICATION_ID:KEY_PATH URL``."""

# HTTPie imports each installed plugin at every start, whatever --auth-type says: nothing but
# its own base class may be imported here.
from httpie.plugins import AuthPlugin


class NexmoJWTPlugin(AuthPlugin):  # type: ignore[misc]  # httpie has no types
    """Reads ``-a`` and hands it to ``requests_nexmo_jwt.NexmoJWT``."""

    name = "Nexmo (Vonage) JWT"
    auth_type = "nexmo-jwt"
    description = (
        "Without -a, from the environment or the Vonage CLI's files. Or "
        "-a APPLICATION_ID:KEY_PATH, and claims behind a '?': "
        "-a 'APPLICATION_ID:private.key?ttl=60&sub=alice&acl=/*/calls/**' "
        "(ttl in seconds; acl may be repeated; host=http://localhost:4010 and the like "
        "says who may have a token, instead of Vonage's hosts)"
    )
    auth_require = False
    auth_parse = False
    netrc_parse = False
    prompt_password = False
    raw_auth: "str | None" = None

    def get_auth(self, username: object = None, password: object = None) -> object:
        """Return the ``NexmoJWT`` for ``-a``; end with one line on stderr where that fails."""
        import os
        import sys

        # HTTPie takes its plugin folder off sys.path again once the plugins are loaded.
        site_folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        if site_folder not in sys.path:
            sys.path.append(site_folder)

        try:
            from . import raw_auth, surroundings
        except ImportError as error:
            message = (
                f"nexmo-jwt is not installed whole: {error}. Install requests-nexmo-jwt again."
            )
        else:
            surroundings.show_warnings()
            try:
                # A session stores this, and may be used from another folder.
                self.raw_auth = raw_auth.absolute(self.raw_auth)
                return raw_auth.sign_in(self.raw_auth, may_ask=not surroundings.ignores_stdin())
            except raw_auth.NexmoJWTError as error:
                said_by = "the session's -a" if surroundings.comes_from_a_session() else "-a"
                message = raw_auth.told(error, self.raw_auth, said_by)
            except Exception as error:  # its text is not shown: nobody knows what it holds
                message = f"nexmo-jwt failed with {type(error).__name__}; please report this."
        # HTTPie calls get_auth outside of its error handling: an exception would be a traceback.
        sys.stderr.write(f"http: error: {message}\n")
        raise SystemExit(1)
