"""How a freshly installed machine is looked at before it is trusted."""
