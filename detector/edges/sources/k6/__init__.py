"""Files of k6's JSON output, followed while the test runs or read whole afterwards."""
