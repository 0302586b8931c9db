"""Nets derived from other nets: a train net, a deploy net, a net that reads an LMDB."""
