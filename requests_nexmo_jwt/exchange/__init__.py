"""A signed request and its answers: the retry, the server's clock, and what is logged of it."""
