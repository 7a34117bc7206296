"""Who signs, and with which key: found, read, and kept current."""
