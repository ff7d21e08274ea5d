"""Reads topics of Apache Kafka as a member of a consumer group; whole record batches where that is possible."""
