"""Simulators of hypervisors' management interfaces: real protocols, no guest behind them."""
