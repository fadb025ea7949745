"""Measurements behind the course's claims, each a function that gives a table."""
