"""Golden signals: what is measured, in which unit, which direction is bad, and how much of it is accepted."""
