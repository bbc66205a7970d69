"""What the benchmark of imagination needs: a server, and the peer's method."""
