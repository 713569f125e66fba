"""The commands: each takes what was parsed, calls the services that the console calls, and prints."""
