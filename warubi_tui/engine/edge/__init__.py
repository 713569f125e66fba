"""The edge: one TCP port per endpoint, with TLS and passwords, in front of servers on Unix sockets."""
