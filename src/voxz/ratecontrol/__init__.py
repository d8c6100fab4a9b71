"""How a volume is coded so that what was asked for is met: goals, parts that are tried, engine and step."""
