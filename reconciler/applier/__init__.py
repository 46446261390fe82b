"""Carry out a plan: prepare secrets, run changes in dependency order, read back, report."""
