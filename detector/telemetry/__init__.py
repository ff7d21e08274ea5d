"""What the process says about itself: metrics, health, its own log. Used by the edges, never by the core."""

from detector.telemetry.health import Health, Report, Trouble
from detector.telemetry.log import logger, set_up_log
from detector.telemetry.metrics import Metrics
from detector.telemetry.process import give_memory_back

__all__ = ["Health", "Metrics", "Report", "Trouble", "give_memory_back", "logger", "set_up_log"]
