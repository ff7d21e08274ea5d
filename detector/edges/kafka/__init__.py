"""How a connection to Apache Kafka is made, for whoever reads from it or writes to it."""
