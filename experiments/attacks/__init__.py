"""The attack suite: every published way past a PKU sandbox, run under every level of defence."""
