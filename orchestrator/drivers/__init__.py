"""What touches the world: `drivers/<port>/<technology>.py` behind `ports/<port>.py`."""
