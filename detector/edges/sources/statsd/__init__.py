"""Datagrams of StatsD and DogStatsD, added up by the interval."""
