"""The lab in a box: machines of processes, spoken to exactly like hardware."""
