"""Network boot and unattended install."""
