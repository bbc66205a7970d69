"""How a trace is imagined: free, guided by a grammar, or step by step."""
