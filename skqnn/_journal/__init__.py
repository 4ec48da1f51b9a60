"""No paid job lost or paid for twice: requests remembered on disk."""
