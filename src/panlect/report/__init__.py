"""Reads finished folders and writes pages: nothing here measures, and nothing else imports this."""
