"""The judge's process as the daemon sees it: what it is handed, what it hands back, how it ends."""
