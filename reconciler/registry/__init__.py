"""Registries: the driver protocol (`base`), the table of drivers (`catalog`), and one package for each driver."""
