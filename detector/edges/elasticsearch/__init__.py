"""How a connection to Elasticsearch is made, for whoever reads from it or writes to it."""
