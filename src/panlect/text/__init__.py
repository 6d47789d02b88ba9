"""Pure text functions: strings in, values out. No files, no tables, no torch.

Each file is one thing that is done to text; its page in the docs says where the method is from.
"""
