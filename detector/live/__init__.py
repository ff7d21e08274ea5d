"""The moving parts of the daemon, each with its own life: readers, couriers, and who watches the store."""
