"""What a gadget is, how gadgets make a chain, and how chain files are read."""
