"""The command line, and what builds, checks and serves the course."""
