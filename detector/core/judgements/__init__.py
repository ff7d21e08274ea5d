"""What is judged when, and what follows from a verdict or an alarm. The judging itself is another process."""
