"""Somebody else's lab: reached through its Jenkins, or waiting for it to come to us."""
