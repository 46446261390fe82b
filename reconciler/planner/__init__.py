"""Compare desired and remote state and decide what to do: a pure function from two states to a Plan."""
