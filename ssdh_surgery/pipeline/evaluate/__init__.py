"""How good codes are: figures, their protocol, and what they are compared with."""
