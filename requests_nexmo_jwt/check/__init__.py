"""Find out why a token was refused."""
