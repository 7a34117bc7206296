"""What a token says, how it is signed, and how one is taken apart."""
