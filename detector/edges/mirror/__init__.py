"""What daemons share: a mirror of what each of them found, and what they agree on before somebody is told."""
