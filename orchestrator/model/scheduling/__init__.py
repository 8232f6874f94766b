"""Who of the queue gets which machines now: pure rules over values, no clock, no store."""
