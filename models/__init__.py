"""Statistics as pure code; knows nothing of the detector."""
