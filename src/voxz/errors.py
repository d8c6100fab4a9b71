class CorruptError(Exception): pass
