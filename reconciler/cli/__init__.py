"""The command line: one file for each command, and `main`, the one place where errors become exit codes."""
