"""EC2's query API in front of compute, network and block storage."""
