"""Names and texts as SQL writes them, for statements that take no parameters there."""


def quote(name: str) -> str:
    """Write a name as an SQL identifier.

    Example:
        >>> print(quote('5" pipes'))
        "5"" pipes"
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Write a text as an SQL literal.

    Example:
        >>> print(literal("it's"))
        'it''s'
    """
    return "'" + text.replace("'", "''") + "'"
