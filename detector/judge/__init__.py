"""The process in which numbers are judged: it is handed one request, answers it, and ends. The daemon never imports it."""
