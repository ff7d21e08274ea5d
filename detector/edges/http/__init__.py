"""How an HTTP server is reached, for whoever asks one: addresses that may be connected to, one connection, one question."""
