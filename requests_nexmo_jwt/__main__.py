"""``python -m requests_nexmo_jwt`` is the ``nexmo-jwt`` command."""

from .cli import main

raise SystemExit(main())
