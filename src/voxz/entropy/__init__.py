"""Bits and symbols: rANS, frequency tables, side information."""
