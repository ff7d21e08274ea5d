"""What logs and metrics of OpenTelemetry have in common. Imports protobuf (6 MB): only from modules that a setting names."""
