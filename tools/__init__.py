"""What the course's authors need, and no student."""
