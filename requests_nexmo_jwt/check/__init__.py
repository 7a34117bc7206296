"""Why a token was refused: what to ask, and what the answers mean."""
