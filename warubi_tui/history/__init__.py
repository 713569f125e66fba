"""What happened when: how far back a branch reaches, the events on the way, and the moment to go back to."""
