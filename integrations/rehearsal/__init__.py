"""Stand-ins for providers on loopback, for tests and for trying things out."""
